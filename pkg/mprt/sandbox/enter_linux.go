package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// How a report begins.
const (
	reportReady       = "ready\n" // the next thing is to execute the program; what follows is why that failed
	reportUnsupported = "unsupported "
	reportFailed      = "failed "
)

// init makes this process the sandboxed program if the parent started it for
// that. Packages are initialized on the main thread, whose restrictions are
// those of the program that it executes.
func init() {
	text, ok := os.LookupEnv(variable)
	if !ok {
		return
	}
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintf(os.Stderr, "sandbox: %s: %v\n", variable, err)
		os.Exit(1)
	}
	err := o.enter()
	report := os.NewFile(uintptr(o.Report), "report")
	if err == nil {
		unix.CloseOnExec(o.Report)
		fmt.Fprint(report, reportReady)
		if o.Probe {
			os.Exit(0)
		}
		err = fmt.Errorf("%s: %w", o.Program, syscall.Exec(o.Program, os.Args, slices.DeleteFunc(os.Environ(), isOrder)))
	}
	kind := reportFailed
	if errors.Is(err, errors.ErrUnsupported) {
		kind = reportUnsupported
	}
	fmt.Fprintf(report, "%s%v", kind, err)
	os.Exit(1)
}

// enter confines this thread. Each step leaves the next ones possible.
func (o *order) enter() error {
	if o.Parts&Namespaces != 0 {
		if err := o.moveIn(); err != nil {
			return fmt.Errorf("cannot set up the file system: %w", err)
		}
	}
	if err := dropCapabilities(); err != nil {
		return fmt.Errorf("cannot drop capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot renounce new privileges: %w", err)
	}
	if o.Parts&Landlock != 0 {
		if err := o.restrictFiles(); err != nil {
			return err
		}
	}
	if err := o.Limits.set(); err != nil {
		return err
	}
	if o.Parts&Seccomp != 0 {
		return o.restrictCalls()
	}
	return nil
}

// dropCapabilities drops all of them, for good.
func dropCapabilities() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	for c := uintptr(0); ; c++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if err == unix.EINVAL || err == unix.EPERM {
			break // that was the last, or there is no right to: then none to lose either
		}
		if err != nil {
			return err
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&header, &none[0])
}

func (l Limits) set() error {
	for _, limit := range []struct {
		name     string
		resource int
		value    uint64
	}{
		{"Memory", unix.RLIMIT_DATA, l.Memory},
		{"Files", unix.RLIMIT_NOFILE, l.Files},
		{"Processes", unix.RLIMIT_NPROC, l.Processes},
		{"FileSize", unix.RLIMIT_FSIZE, l.FileSize},
		{"CPU", unix.RLIMIT_CPU, uint64((l.CPU + time.Second - 1) / time.Second)},
	} {
		if limit.value == 0 {
			continue
		}
		// Not by x/sys: package syscall must know that the limit of files is ours.
		if err := syscall.Setrlimit(limit.resource, &syscall.Rlimit{Cur: limit.value, Max: limit.value}); err != nil {
			return fmt.Errorf("cannot limit %s to %d: %w", limit.name, limit.value, err)
		}
	}
	if err := syscall.Setrlimit(unix.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("cannot do without core dumps: %w", err)
	}
	return nil
}

const (
	mayRead  = ll.AccessFSReadFile | ll.AccessFSReadDir
	mayWrite = ll.AccessFSWriteFile | ll.AccessFSRemoveDir | ll.AccessFSRemoveFile | ll.AccessFSMakeDir |
		ll.AccessFSMakeReg | ll.AccessFSMakeFifo | ll.AccessFSMakeSym | ll.AccessFSTruncate
	// Those that make sense of a file; the kernel refuses others.
	ofFile = ll.AccessFSExecute | ll.AccessFSWriteFile | ll.AccessFSReadFile | ll.AccessFSTruncate
)

// restrictFiles applies Landlock, as much as this kernel's version has.
func (o *order) restrictFiles() error {
	abi, err := ll.LandlockGetABIVersion()
	if err != nil {
		return fmt.Errorf("%w: Landlock is not in this kernel, or a container's rules forbid it: %w", errors.ErrUnsupported, err)
	}
	rules := ll.RulesetAttr{HandledAccessFS: ll.AccessFSRefer - 1} // version 1
	if abi >= 2 {
		rules.HandledAccessFS |= ll.AccessFSRefer
	}
	if abi >= 3 {
		rules.HandledAccessFS |= ll.AccessFSTruncate
	}
	if abi >= 4 && !o.Network {
		rules.HandledAccessNet = ll.AccessNetBindTCP | ll.AccessNetConnectTCP
	}
	if abi >= 5 {
		rules.HandledAccessFS |= ll.AccessFSIoctlDev
	}
	if abi >= 6 {
		rules.Scoped = ll.ScopeSignal
		if !o.Network {
			rules.Scoped |= ll.ScopeAbstractUnixSocket
		}
	}
	ruleset, err := ll.LandlockCreateRuleset(&rules, 0)
	if err != nil {
		return fmt.Errorf("%w: Landlock: %w", errors.ErrUnsupported, err)
	}
	defer unix.Close(ruleset)
	for _, pl := range o.Places {
		if err := pl.allow(ruleset, rules.HandledAccessFS); err != nil {
			return fmt.Errorf("cannot allow %s by Landlock: %w", pl.Path, err)
		}
	}
	if err := ll.LandlockRestrictSelf(ruleset, 0); err != nil {
		return fmt.Errorf("%w: Landlock: %w", errors.ErrUnsupported, err)
	}
	return nil
}

func (pl place) allow(ruleset int, handled uint64) error {
	fd, err := unix.Open(pl.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	access := uint64(mayRead)
	if pl.Write {
		access |= mayWrite
	}
	if pl.Execute {
		access |= ll.AccessFSExecute
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= ofFile
	}
	return ll.LandlockAddPathBeneathRule(ruleset, &ll.PathBeneathAttr{AllowedAccess: access & handled, ParentFd: fd}, 0)
}
