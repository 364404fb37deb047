// Package old is not called like the folder that it is in.
package old

// Level is a number of a type that a schema is bound to.
type Level int
