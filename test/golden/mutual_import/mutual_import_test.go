package mutual_import

import (
	"context"
	"testing"

	"github.com/mpgo-dev/mpgo/test/golden/internal/peer"
)

type visitor struct {
	UnimplementedVisitor
	visited []string
}

func (v *visitor) Visit(_ context.Context, l *Leaf, _ Walker) (bool, error) {
	v.visited = append(v.visited, l.Name)
	return true, nil
}

type walker struct{}

func (walker) Walk(ctx context.Context, from *Node, v Visitor) (uint32, error) {
	n := uint32(0)
	for i := range from.Children {
		if more, err := v.Visit(ctx, &from.Children[i], walker{}); err != nil || !more {
			return n, err
		}
		n++
	}
	return n, nil
}

func TestWalk(t *testing.T) {
	v := &visitor{}
	c := NewWalkerClient(peer.Connect(t, NewWalkerServer(walker{})))
	n, err := c.Walk(context.Background(), &Node{Children: []Leaf{{Name: "a"}, {Name: "b", Parent: &Node{Value: 1}}}}, v)
	if n != 2 || err != nil || len(v.visited) != 2 || v.visited[1] != "b" {
		t.Error(n, err, v.visited)
	}
}
