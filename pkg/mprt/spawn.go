package mprt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Process is a child process and the connection to it. Its methods may be
// called concurrently.
type Process struct {
	cmd  *exec.Cmd
	conn *Conn
	name string

	// How long Close leaves the child before it asks with SIGTERM, and then
	// before it kills.
	leave, terminate time.Duration

	done chan struct{}
	err  error // how the child ended; set before done is closed
}

const (
	leaveTime     = 5 * time.Second
	terminateTime = 5 * time.Second
	// lastWords is how long what a child wrote before it ended may take to be
	// read, if something else holds its socket open.
	lastWords = time.Second
	// outputTime is how long output of a child that has ended is still copied,
	// if something else holds its pipes open; see exec.Cmd.WaitDelay.
	outputTime = 2 * time.Second
)

// Sandbox starts programs with fewer rights than this one has. [sandbox.Profile]
// is one.
//
// [sandbox.Profile]: https://pkg.go.dev/github.com/mpgo-dev/mpgo/pkg/mprt/sandbox#Profile
type Sandbox interface {
	// Start is called in place of cmd.Start, when cmd is complete. It may
	// change cmd, but what runs must have its arguments and inherit its
	// ExtraFiles at their numbers. An error means that nothing runs.
	Start(cmd *exec.Cmd) error
}

// WithSandbox has [Spawn] start the child in a sandbox.
func WithSandbox(s Sandbox) Option { return func(o *options) { o.sandbox = s } }

// Spawn starts cmd as a child process and connects to it over a socket pair.
// The child's end is the last of cmd's ExtraFiles and the descriptor's number
// its last argument, so that the child may be a program that calls
// [ServeSpawned] as well as one of libmultiprocess's (mp/util.h, SpawnProcess).
// Both ends are closed on exec in all other processes: a child that loses its
// parent sees the end of the stream.
//
// Errors and logs call the child by [WithName] or the base name of cmd.Path,
// and its process id, as in "printer[4711]". When the child ends, its
// connection ends too, and calls in flight fail with [ErrDisconnected];
// [Process.Wait] tells how it ended.
//
// Spawn waits for cmd itself. Its output may go to any file or writer, but not
// through cmd.StdoutPipe or StderrPipe, which must be read before a wait.
//
// When ctx ends, the child is closed as [Process.Close] does it. Close it when
// it is not needed any more. Spawn works on Unix systems and fails elsewhere.
func Spawn(ctx context.Context, cmd *exec.Cmd, opts ...Option) (*Process, error) {
	o := newOptions(opts)
	name := o.name
	if name == "" {
		name = filepath.Base(cmd.Path)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("spawn %s: %w", name, context.Cause(ctx))
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("spawn %s: %w", name, err)
	}
	if len(cmd.Args) == 0 {
		cmd.Args = []string{cmd.Path}
	}
	cmd.ExtraFiles = append(slices.Clip(cmd.ExtraFiles), theirs)
	cmd.Args = append(slices.Clip(cmd.Args), strconv.Itoa(2+len(cmd.ExtraFiles)))
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = outputTime
	}
	if o.sandbox != nil {
		err = o.sandbox.Start(cmd)
	} else {
		err = cmd.Start()
	}
	theirs.Close()
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("spawn %s: %w", name, err)
	}
	p := &Process{
		cmd:       cmd,
		name:      fmt.Sprintf("%s[%d]", name, cmd.Process.Pid),
		leave:     leaveTime,
		terminate: terminateTime,
		done:      make(chan struct{}),
	}
	p.conn = NewConn(ours, nil, append(slices.Clip(opts), WithName(p.name))...)
	stop := context.AfterFunc(ctx, func() { p.Close() })
	go p.reap(stop)
	return p, nil
}

// reap waits for the child's end, so that it does not stay as a zombie.
func (p *Process) reap(stop func() bool) {
	if err := p.cmd.Wait(); err != nil {
		p.err = fmt.Errorf("%s: %w", p.name, err)
	}
	stop()
	close(p.done)
	t := time.NewTimer(lastWords)
	defer t.Stop()
	select {
	case <-p.conn.Done():
	case <-t.C:
		p.conn.Close()
	}
}

// Conn is the connection to the child. Closing it asks the child to leave.
func (p *Process) Conn() *Conn { return p.conn }

// Pid is the child's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// String is what errors and logs call the child.
func (p *Process) String() string { return p.name }

// Done is closed when the child has ended and has been waited for.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits until the child has ended: nil if its exit status was 0,
// otherwise an error that names the child and wraps an [*exec.ExitError], which
// has the state. It can be called any number of times; the child becomes no
// zombie if it is not.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// Signal sends a signal to the child. That it has ended is no error.
func (p *Process) Signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// Kill ends the child at once.
func (p *Process) Kill() error { return p.Signal(os.Kill) }

// Close closes the connection, which asks the child to leave, and waits until
// it has ended. One that is still there after 5 seconds gets SIGTERM, and after
// 5 more it is killed. Close returns what [Process.Wait] does. Calls in flight
// fail; to let the child finish them, wait for them first.
func (p *Process) Close() error { return p.CloseContext(context.Background()) }

// CloseContext is [Process.Close], but kills the child when ctx ends.
func (p *Process) CloseContext(ctx context.Context) error {
	p.conn.Close()
	if !p.ends(ctx, p.leave) {
		// If this fails, the next step will do.
		_ = p.Signal(syscall.SIGTERM)
		if !p.ends(ctx, p.terminate) {
			if err := p.Kill(); err != nil {
				return err
			}
		}
	}
	return p.Wait()
}

// ends reports whether the child ends within d and before ctx does.
func (p *Process) ends(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.done:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

// ServeSpawned serves the parent that started this process with [Spawn] or with
// libmultiprocess's SpawnProcess. fd is the program's last argument, the number
// of the inherited descriptor, which ServeSpawned takes over; call it before
// starting other processes, which would inherit the descriptor too.
//
// It returns nil when the parent closes the connection or ends, and when ctx
// ends; the program should end then.
func ServeSpawned(ctx context.Context, fd string, s *Server, opts ...Option) error {
	nc, err := inherited(fd)
	if err != nil {
		return fmt.Errorf("serve the parent process: %w", err)
	}
	return ServeConn(ctx, nc, s, append([]Option{WithName("parent")}, opts...)...)
}
