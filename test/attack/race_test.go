//go:build race

package attack

const (
	// heapFactor is what the bounds of the heap are multiplied with: garbage is collected later, as everything is slower, and pools drop
	// at random what they are given back.
	heapFactor = 2
	// heaviest is the largest bound of the attacks that are tried. Those beyond move many frames of a megabyte, or one of 60, which takes
	// the race detector minutes, and do with them what smaller ones do too.
	heaviest = 256 * mib
)
