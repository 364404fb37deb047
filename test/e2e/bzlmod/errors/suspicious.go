// Package suspicious is one with generated code.
package suspicious

import "fmt"

// Say has a mistake that the compiler accepts.
func Say() { fmt.Printf("%d\n", "one") }
