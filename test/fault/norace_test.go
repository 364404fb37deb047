//go:build !race

package fault

// defaultEvery is how many steps of a sweep over bytes one is tried of, from a random one on.
const defaultEvery = 40
