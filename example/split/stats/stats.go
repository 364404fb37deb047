// Package stats counts words. It is an ordinary package: it knows nothing of
// processes, and its interface was there before anybody thought of them.
package stats

import (
	"context"
	"strings"
	"sync"
	"time"
)

// Report is what an Analyzer has found.
type Report struct {
	Words   int
	Longest string
	Lengths map[int]int // how many words there are of each length
	Took    time.Duration
}

// Progress is told how many lines have been read, and says whether to go on.
type Progress func(lines int) bool

// Analyzer reads lines and counts words.
type Analyzer interface {
	// Add adds lines, and returns how many there are now.
	Add(lines ...string) int
	// Report counts the words of all lines.
	Report(ctx context.Context, p Progress) (*Report, error)
	Close() error
}

// New returns an Analyzer.
func New() Analyzer { return &analyzer{} }

type analyzer struct {
	mu    sync.Mutex
	lines []string
}

func (a *analyzer) Add(lines ...string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lines = append(a.lines, lines...)
	return len(a.lines)
}

func (a *analyzer) Report(ctx context.Context, p Progress) (*Report, error) {
	start := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	r := &Report{Lengths: map[int]int{}}
	for i, line := range a.lines {
		for _, w := range strings.Fields(line) {
			r.Words++
			r.Lengths[len(w)]++
			if len(w) > len(r.Longest) {
				r.Longest = w
			}
		}
		if !p(i + 1) {
			return nil, context.Canceled
		}
	}
	r.Took = time.Since(start)
	return r, ctx.Err()
}

func (a *analyzer) Close() error { return nil }
