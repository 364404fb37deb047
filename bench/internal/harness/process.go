package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mpgo-dev/mpgo/bench/internal/peers"
)

// The command line of the two child processes: the driver runs its own executable with one of these words, the peer's name and the socket's path.
const (
	ServerRole = "server-process"
	ClientRole = "client-process"
)

// replyTimeout is how long a child may take over one request: far longer than any measurement, so that only a hang is ended.
const replyTimeout = 2 * time.Minute

// process is one child.
type process struct {
	name string
	cmd  *exec.Cmd
	in   io.Closer
	enc  *json.Encoder
	dec  *json.Decoder
}

// cores returns the CPUs that the children may run on: one if pinned, else two, whatever the machine has.
func cores(pinned bool) (unix.CPUSet, error) {
	var allowed, set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return set, fmt.Errorf("reading the CPU affinity: %w", err)
	}
	want := 2
	if pinned {
		want = 1
	}
	// From the last one down: the first has more of the machine's interrupts.
	for cpu := len(allowed)*64 - 1; cpu >= 0 && set.Count() < want; cpu-- {
		if allowed.IsSet(cpu) {
			set.Set(cpu)
		}
	}
	if set.Count() < want {
		return set, fmt.Errorf("the benchmark needs %d CPUs and may use %d", want, allowed.Count())
	}
	return set, nil
}

// startProcess starts a child on the given CPUs and waits until it is ready.
func startProcess(role, peer, path string, cpus unix.CPUSet) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe, role, peer, path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startOn(cmd, cpus); err != nil {
		return nil, fmt.Errorf("starting %s %s: %w", peer, role, err)
	}
	p := &process{name: peer + " " + role, cmd: cmd, in: in, enc: json.NewEncoder(in), dec: json.NewDecoder(out)}
	if _, err := p.receive(); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// startOn starts cmd with an affinity, which a child inherits from the thread that starts it: set before the child's Go runtime counts its CPUs.
func startOn(cmd *exec.Cmd, cpus unix.CPUSet) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var old unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, &cpus); err != nil {
		return err
	}
	return errors.Join(cmd.Start(), unix.SchedSetaffinity(0, &old))
}

// ask sends a request and waits for its reply. A failure in the child is an error; peers.ErrNotOffered comes through as itself.
func (p *process) ask(r request) (reply, error) {
	if err := p.enc.Encode(r); err != nil {
		return reply{}, fmt.Errorf("%s: %s: %w", p.name, r.Cmd, err)
	}
	a, err := p.receive()
	if err != nil && !errors.Is(err, peers.ErrNotOffered) {
		return a, fmt.Errorf("%s: %s %s: %w", p.name, r.Cmd, r.Workload, err)
	}
	return a, err
}

func (p *process) receive() (reply, error) {
	timeout := time.AfterFunc(replyTimeout, func() { p.cmd.Process.Kill() })
	var a reply
	err := p.dec.Decode(&a)
	switch {
	case err != nil && !timeout.Stop():
		return a, fmt.Errorf("no reply in %v", replyTimeout)
	case err != nil:
		return a, fmt.Errorf("the process ended: %w", err)
	}
	timeout.Stop()
	switch {
	case a.NotOffered:
		return a, peers.ErrNotOffered
	case a.Err != "":
		return a, errors.New(a.Err)
	}
	return a, nil
}

// stop ends the child.
func (p *process) stop() {
	p.in.Close()
	kill := time.AfterFunc(5*time.Second, func() { p.cmd.Process.Kill() })
	p.cmd.Wait() // it has nothing more to say; what it had went to standard error
	kill.Stop()
}

// pair is one peer's server and client.
type pair struct{ server, client *process }

// startPair starts both processes of a peer; dir is where the socket goes.
func startPair(peer, dir string, number int, cpus unix.CPUSet) (pair, error) {
	path := filepath.Join(dir, fmt.Sprintf("%d.sock", number))
	server, err := startProcess(ServerRole, peer, path, cpus)
	if err != nil {
		return pair{}, err
	}
	client, err := startProcess(ClientRole, peer, path, cpus)
	if err != nil {
		server.stop()
		return pair{}, err
	}
	return pair{server, client}, nil
}

func (p pair) serverUsage() (Usage, error) {
	a, err := p.server.ask(request{Cmd: cmdUsage})
	return a.Usage, err
}

func (p pair) stop() {
	p.client.stop()
	p.server.stop()
}
