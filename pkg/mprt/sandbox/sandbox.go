// Package sandbox starts child processes that can do little more than compute
// and talk over the descriptors they were given:
//
//	p, err := mprt.Spawn(ctx, cmd, mprt.WithSandbox(sandbox.Profile{}))
//
// The child needs to know nothing of it and may be any program. It runs
//
//   - with no new privileges and no capabilities, as nobody in a user namespace
//     of its own;
//   - in network, mount, IPC and UTS namespaces of its own: there is no network,
//     and the file system holds the program, the shared libraries it may need,
//     and what [Profile] adds, read-only;
//   - confined by Landlock to the same files, and from Linux 6.12 to signals
//     among its own processes;
//   - under a seccomp filter that refuses sockets, namespaces, mounts, tracing,
//     kernel modules and other system calls that a server has no use for;
//   - without core dumps, and within [Limits].
//
// Namespaces, Landlock and seccomp each hold alone; a system that lacks one of
// them makes the start fail, with an error that is [errors.ErrUnsupported] and
// names it, unless [Profile] does [Without] it. No special rights are needed.
//
// # How
//
// What has to happen in the child before its program runs, this package does:
// the parent's executable is started once more, enters the sandbox while its
// packages are initialized, before main, and executes the program. So every
// program that imports this package does so at its start if its environment
// says so, and packages that are initialized before it should do nothing that
// disturbs.
//
// Linux 5.13 or newer is needed; elsewhere starting fails.
package sandbox

import (
	"strings"
	"time"
)

// Part is a set of the parts of a sandbox that a system may lack.
type Part uint8

const (
	// Namespaces are user, mount, network, IPC and UTS namespaces. Systems
	// and containers may forbid them to users.
	Namespaces Part = 1 << iota
	// Landlock restricts file access.
	Landlock
	// Seccomp restricts system calls.
	Seccomp

	allParts = Namespaces | Landlock | Seccomp
)

// String names the parts, as in "namespaces, Landlock".
func (p Part) String() string {
	var names []string
	for i, name := range []string{"namespaces", "Landlock", "seccomp"} {
		if p&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Profile says what a child may do. The zero value allows the least. It may be
// used any number of times, concurrently.
type Profile struct {
	// Read are absolute paths of files and directories that the child may
	// read, with all that is below them. They must exist. The program and the
	// directories of shared libraries, if it is linked to any, are added.
	Read []string
	// Write are those that it may also change.
	Write []string
	// Network leaves the child the parent's network.
	Network bool
	// Limits bound what it uses.
	Limits Limits
	// Without are the parts to do without; see [Missing].
	Without Part
}

// Limits are resource limits of each process of a child. Zero leaves the
// parent's limit.
type Limits struct {
	// Memory is the size of data in bytes (RLIMIT_DATA). A Go program needs
	// some 64 MiB, one built with the race detector much more.
	Memory uint64
	// Files is how many descriptors may be open (RLIMIT_NOFILE).
	Files uint64
	// Processes is how many processes and threads the user may have
	// (RLIMIT_NPROC), counted in the child's user namespace from Linux 5.14.
	// A Go program needs some 16.
	Processes uint64
	// FileSize is how large in bytes a file may become (RLIMIT_FSIZE).
	FileSize uint64
	// CPU is how much processor time it may use, in whole seconds
	// (RLIMIT_CPU). Then it is killed.
	CPU time.Duration
}
