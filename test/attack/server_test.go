package attack

import (
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// An attack on a server. It ends with what has to become of it.
type serverAttack struct {
	name string
	run  func(a *attacker, v *victim)
	heap int64 // 0 is heapLimit
	opts []mprt.Option
}

// TestServer lets one peer of a server misbehave in each of many ways: that ends in an Abort or an error for this peer,
// within a bounded time and memory, and another peer's calls go on meanwhile.
func TestServer(t *testing.T) {
	var attacks []serverAttack
	for _, group := range [][]serverAttack{frameAttacks, messageAttacks, capabilityAttacks, payloadAttacks, threadAttacks, floodAttacks} {
		attacks = append(attacks, group...)
	}
	seen := map[string]bool{}
	for _, attack := range attacks {
		if seen[attack.name] {
			t.Fatalf("two attacks are called %q", attack.name)
		}
		seen[attack.name] = true
		if attack.heap > heaviest {
			continue
		}
		t.Run(attack.name, func(t *testing.T) {
			v := startVictim(t, attack.opts...)
			defer v.stop()
			w := v.witness()
			defer w.close()
			underWatch(t, w, attack.heap, func() {
				a := v.attack()
				defer a.nc.Close()
				attack.run(a, v)
			})
		})
	}
	t.Logf("%d attacks", len(attacks))
}
