//go:build !race

package attack

import "math"

const (
	// heapFactor is what the bounds of the heap are multiplied with.
	heapFactor = 1
	// heaviest is the largest bound of the attacks that are tried: all are.
	heaviest = math.MaxInt64
)
