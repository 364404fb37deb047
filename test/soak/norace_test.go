//go:build !race

package soak

import "time"

// defaultTime is short without the race detector, under which CI runs it longer.
const defaultTime = 4 * time.Second
