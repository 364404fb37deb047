//go:build race

package soak

import "time"

// defaultTime is what CI has for this test: most of it where it finds most.
const defaultTime = 15 * time.Second
