package sandbox

import (
	"cmp"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// variable is the environment variable that tells a process to enter a sandbox.
const variable = "MPGO_SANDBOX"

// order is what the parent tells the process that enters the sandbox.
type order struct {
	Program string  // absolute path
	Report  int     // descriptor to write what fails to
	Places  []place // what of the file system there is
	Network bool
	Limits  Limits
	Parts   Part
	Probe   bool // exit instead of executing the program
}

// place is a file or directory in the sandbox.
type place struct {
	Path    string
	Write   bool
	Execute bool
}

// nobody is the user and group id that a child sees as its own.
const nobody = 65534

// Start starts cmd in the sandbox, in place of cmd.Start. It returns when the
// program runs, or with the reason why it does not: then nothing is left of
// it. It changes fields of cmd. The program starts in the directory "/", as
// cmd.Dir is not there.
func (p Profile) Start(cmd *exec.Cmd) error {
	if cmd.Err != nil {
		return cmd.Err
	}
	program, err := resolve(cmd)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	places, err := p.places(program)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return p.start(cmd, order{Program: program, Places: places})
}

// Missing returns the parts that this system lacks or forbids, and why: a
// profile Without them starts, and is weaker. It starts processes to find out.
func Missing() (Part, error) {
	var missing Part
	var why []error
	for _, part := range []Part{Namespaces, Landlock, Seccomp} {
		p := Profile{Without: allParts &^ part}
		if err := p.start(&exec.Cmd{Path: "/", Args: []string{"probe"}}, order{Probe: true}); err != nil {
			missing |= part
			why = append(why, err)
		}
	}
	return missing, errors.Join(why...)
}

func (p Profile) start(cmd *exec.Cmd, o order) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer r.Close()
	defer w.Close()
	o.Network, o.Limits, o.Parts = p.Network, p.Limits, allParts&^p.Without
	o.Report = 3 + len(cmd.ExtraFiles)
	cmd.ExtraFiles = append(slices.Clip(cmd.ExtraFiles), w)
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	cmd.Env = append(slices.DeleteFunc(cmd.Environ(), isOrder), variable+"="+string(text))
	cmd.Path = "/proc/self/exe"
	if o.Parts&Namespaces != 0 {
		unshare(cmd, p.Network)
	}
	if err := cmd.Start(); err != nil {
		if o.Parts&Namespaces != 0 {
			return unsupported("cannot make namespaces, which the system, an AppArmor profile or a container's rules may forbid", err)
		}
		return fmt.Errorf("sandbox: %w", err)
	}
	w.Close()
	report, err := io.ReadAll(r)
	if err != nil {
		return abandon(cmd, fmt.Errorf("sandbox: %w", err))
	}
	said, ready := strings.CutPrefix(string(report), reportReady)
	switch {
	case ready && said == "" && o.Probe:
		return cmd.Wait()
	case ready && said == "":
		return nil
	}
	if why, ok := strings.CutPrefix(said, reportUnsupported); ok {
		err = &notThere{"sandbox: " + why}
	} else if why, ok := strings.CutPrefix(said, reportFailed); ok {
		err = errors.New("sandbox: " + why)
	} else {
		err = errors.New("sandbox: the process ended before it had entered: " +
			"is something wrong with a package that is initialized before this one?")
	}
	return abandon(cmd, err)
}

// abandon waits for a process that does not become the program.
func abandon(cmd *exec.Cmd, err error) error {
	// It exits by itself if it can; what it exits with is said already.
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return err
}

// notThere is the error of a system that lacks a part; the text came from
// another process.
type notThere struct{ text string }

func (e *notThere) Error() string { return e.text }
func (e *notThere) Unwrap() error { return errors.ErrUnsupported }

func unsupported(what string, err error) error {
	return fmt.Errorf("sandbox: %w: %s: %w", errors.ErrUnsupported, what, err)
}

func isOrder(s string) bool { return strings.HasPrefix(s, variable+"=") }

// unshare has cmd start in namespaces of its own. There it has the right to
// mount until it executes the program.
func unshare(cmd *exec.Cmd, network bool) {
	attr := syscall.SysProcAttr{}
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	attr.Cloneflags |= unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
	if !network {
		attr.Cloneflags |= unix.CLONE_NEWNET
	}
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Geteuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getegid(), Size: 1}}
	attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP}
	cmd.SysProcAttr = &attr
}

// resolve returns the path of cmd's program without symbolic links.
func resolve(cmd *exec.Cmd) (string, error) {
	path := cmd.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(cmd.Dir, path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// places returns what a program may see of the file system, by path.
func (p Profile) places(program string) ([]place, error) {
	places := []place{{Path: program, Execute: true}}
	libraries, err := libraries(program)
	if err != nil {
		return nil, err
	}
	for _, path := range libraries {
		places = append(places, place{Path: path, Execute: true})
	}
	for _, path := range p.Read {
		places = append(places, place{Path: path})
	}
	for _, path := range p.Write {
		places = append(places, place{Path: path, Write: true})
	}
	for i, pl := range places {
		if !filepath.IsAbs(pl.Path) {
			return nil, fmt.Errorf("path %q of a profile is not absolute", pl.Path)
		}
		places[i].Path = filepath.Clean(pl.Path)
		if _, err := os.Stat(pl.Path); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.Path, b.Path) })
	// One path may be there for several reasons.
	merged := places[:1]
	for _, pl := range places[1:] {
		if last := &merged[len(merged)-1]; last.Path == pl.Path {
			last.Write = last.Write || pl.Write
			last.Execute = last.Execute || pl.Execute
			continue
		}
		merged = append(merged, pl)
	}
	return merged, nil
}

// libraries returns where a program's shared libraries may be: nothing if it
// is linked statically.
func libraries(program string) ([]string, error) {
	f, err := elf.Open(program)
	if err != nil {
		return nil, fmt.Errorf("%s is not a program that can be sandboxed: %w", program, err)
	}
	defer f.Close()
	interpreter := ""
	for _, prog := range f.Progs {
		if prog.Type == elf.PT_INTERP {
			b, err := io.ReadAll(io.LimitReader(prog.Open(), unix.PathMax))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", program, err)
			}
			interpreter = strings.TrimRight(string(b), "\x00")
		}
	}
	if interpreter == "" {
		return nil, nil
	}
	paths := []string{interpreter}
	candidates := []string{"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"}
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		values, err := f.DynString(tag)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", program, err)
		}
		for _, value := range values {
			for dir := range strings.SplitSeq(value, ":") {
				for _, origin := range []string{"$ORIGIN", "${ORIGIN}"} {
					dir = strings.ReplaceAll(dir, origin, filepath.Dir(program))
				}
				candidates = append(candidates, dir)
			}
		}
	}
	for _, path := range candidates {
		if _, err := os.Stat(path); err == nil && filepath.IsAbs(path) {
			paths = append(paths, path)
		}
	}
	return paths, nil
}
