package sandbox

import (
	"errors"
	"fmt"
	"slices"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// refused are the system calls that a sandboxed process may not make, on any
// architecture.
var refused = []string{
	// Other processes.
	"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "pidfd_open", "kcmp",
	// Namespaces, mounts and file handles.
	"unshare", "setns", "chroot", "pivot_root", "mount", "umount", "umount2", "mount_setattr", "open_tree", "open_tree_attr", "move_mount",
	"fsopen", "fsconfig", "fsmount", "fspick", "name_to_handle_at", "open_by_handle_at", "swapon", "swapoff", "quotactl", "quotactl_fd", "acct",
	// The kernel, and large parts of it that have been attacked before. The
	// last three would do unseen what is refused here.
	"bpf", "perf_event_open", "userfaultfd", "add_key", "request_key", "keyctl", "init_module", "finit_module", "create_module",
	"delete_module", "kexec_load", "kexec_file_load", "reboot", "syslog", "personality", "modify_ldt", "iopl", "ioperm", "vhangup",
	"lookup_dcookie", "uselib", "ustat", "sysfs", "_sysctl", "nfsservctl", "vserver", "fanotify_init",
	"io_uring_setup", "io_uring_enter", "io_uring_register",
	// The machine's clock and name.
	"settimeofday", "stime", "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64", "adjtimex", "sethostname", "setdomainname",
}

// sockets are those that make and connect sockets. What can be done with one
// that was inherited is not among them. A pair of Unix sockets leads nowhere,
// and libmultiprocess's event loop needs one.
var sockets = []string{"socket", "connect", "bind", "listen", "accept", "accept4", "socketcall"}

// namespaceFlags are the flags of clone that make namespaces.
const namespaceFlags = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// restrictCalls applies seccomp. What is not refused is allowed by name, so
// that calls by way of another architecture's table, and calls that are newer
// than the library, are refused too.
func (o *order) restrictCalls() error {
	info, err := arch.GetInfo("")
	if err != nil {
		return fmt.Errorf("%w: seccomp: %w", errors.ErrUnsupported, err)
	}
	deny := refused
	// A filter cannot see the flags of clone3.
	conditional := []string{"clone", "clone3"}
	conditions := []seccomp.NameWithConditions{
		{Name: "clone", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.BitsNotSet, Value: namespaceFlags}}},
	}
	if !o.Network {
		deny = append(slices.Clip(deny), sockets...)
		conditional = append(conditional, "socketpair")
		conditions = append(conditions, seccomp.NameWithConditions{
			Name: "socketpair", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.Equal, Value: unix.AF_UNIX}},
		})
	}
	var allowed []string
	for name := range info.SyscallNames {
		if !slices.Contains(conditional, name) && !slices.Contains(deny, name) {
			allowed = append(allowed, name)
		}
	}
	slices.Sort(allowed)
	err = seccomp.LoadFilter(seccomp.Filter{Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionErrno, // EPERM
		Syscalls: []seccomp.SyscallGroup{
			{Action: seccomp.ActionAllow, Names: allowed},
			{Action: seccomp.ActionAllow, NamesWithCondtions: conditions},
			// Upon this the C library falls back on clone.
			{Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: []string{"clone3"}},
		},
	}})
	if err != nil {
		return fmt.Errorf("%w: seccomp is not in this kernel, or forbidden: %w", errors.ErrUnsupported, err)
	}
	return nil
}
