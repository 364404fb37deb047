package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mpgo-dev/mpgo/pkg/mprt/sandbox"
)

// asExample in the environment makes the test binary the example, whose
// children are then the test binary too.
const asExample = "MPGO_TEST_AS_EXAMPLE"

func TestMain(m *testing.M) {
	if os.Getenv(asExample) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// patience is for what should take milliseconds.
const patience = time.Minute

// program is a running example.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	output *os.File // closed when every process has ended, as all write there
	lines  *bufio.Reader
	stderr bytes.Buffer
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.Command(os.Args[0], args...)}
	p.cmd.Env = append(os.Environ(), asExample+"=1")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Stderr = &p.stderr
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout = w
	err = p.cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Only if the test has failed is anything left in the group.
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		output.Close()
	})
	if err := output.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	p.output, p.lines = output, bufio.NewReader(output)
	return p
}

func (p *program) write(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, text); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) line() string {
	p.t.Helper()
	line, err := p.lines.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%v after %q", err, line)
	}
	return line
}

// end waits for the end of all processes and returns the parent's exit status
// and what was not read yet.
func (p *program) end() (status int, output string) {
	p.t.Helper()
	rest, err := io.ReadAll(p.lines)
	if err != nil {
		p.t.Fatalf("not all processes have ended: %v", err)
	}
	err = p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode(), string(rest)
}

// children returns the process ids of the children by their part.
func (p *program) children() map[string]int {
	p.t.Helper()
	found := map[string]int{}
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, fields, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(fields); len(f) < 2 || f[1] != strconv.Itoa(p.cmd.Process.Pid) {
			continue
		}
		args, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			p.t.Fatal(err)
		}
		found[strings.Split(string(args), "\x00")[1]] = pid
	}
	if len(found) != 2 || found["printer"] == 0 || found["calculator"] == 0 {
		p.t.Fatalf("children are %v, not a printer and a calculator", found)
	}
	return found
}

func TestPipe(t *testing.T) {
	p := start(t)
	p.write("2*x + 3 = 11\n\n1/0\n  1/3 + 1/6\nx = 2") // the last line needs no end
	p.stdin.Close()
	status, output := p.end()
	if want := "2*x + 3 = 11: x = 4\n1/3 + 1/6: 1/2\nx = 2: x = 2\n"; status != 0 || output != want {
		t.Errorf("status %d, printed %q; want 0, %q", status, output, want)
	}
	if got := p.stderr.String(); !strings.HasPrefix(got, "CalculatorInterface.solveEquation (calculator[") ||
		!strings.HasSuffix(got, "]): division by zero\n") || strings.Count(got, "\n") != 1 {
		t.Errorf("stderr: %q", got)
	}
}

// TestSandbox asks the kernel what the children may do. What they can do is
// tested where the sandbox is.
func TestSandbox(t *testing.T) {
	missing, err := sandbox.Missing()
	p := start(t, "--sandbox")
	if missing != 0 {
		p.stdin.Close()
		status, _ := p.end()
		if got := p.stderr.String(); status != 1 || !strings.HasPrefix(got, "example: spawn printer: sandbox: unsupported operation: ") {
			t.Errorf("status %d, %q; missing are %v: %v", status, got, missing, err)
		}
		return
	}
	p.write("2*x + 3 = 11\n")
	if line := p.line(); line != "2*x + 3 = 11: x = 4\n" {
		t.Errorf("printed %q", line)
	}
	for part, pid := range p.children() {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"NoNewPrivs:\t1", "Seccomp:\t2", "CapPrm:\t0000000000000000", "CapBnd:\t0000000000000000"} {
			if !strings.Contains(string(status), line+"\n") {
				t.Errorf("%s: no %q in\n%s", part, line, status)
			}
		}
		for _, ns := range []string{"user", "net", "mnt", "ipc", "uts"} {
			theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, ns))
			if err != nil {
				t.Fatal(err)
			}
			ours, err := os.Readlink("/proc/self/ns/" + ns)
			if err != nil {
				t.Fatal(err)
			}
			if theirs == ours {
				t.Errorf("%s: its %s namespace is ours", part, ns)
			}
		}
	}
	p.write("exit\n")
	status, output := p.end()
	// The race detector's runtime misses /proc, and says so.
	complaints := raceRuntime.ReplaceAll(p.stderr.Bytes(), nil)
	if status != 0 || output != "" || len(complaints) > 0 {
		t.Errorf("status %d, printed %q, %q", status, output, complaints)
	}
}

var raceRuntime = regexp.MustCompile(`(?m)^==\d+==WARNING: .*\n`)

func TestExit(t *testing.T) {
	p := start(t)
	p.write("1 + 1\nexit\n")
	if status, output := p.end(); status != 0 || output != "1 + 1: 2\n" || p.stderr.Len() > 0 {
		t.Errorf("status %d, printed %q, %q", status, output, &p.stderr)
	}
}

func TestLineTooLong(t *testing.T) {
	p := start(t)
	p.write(strings.Repeat("1", bufio.MaxScanTokenSize))
	p.stdin.Close()
	if status, _ := p.end(); status != 1 || p.stderr.String() != "example: standard input: bufio.Scanner: token too long\n" {
		t.Errorf("status %d, %q", status, &p.stderr)
	}
}

func TestChildKilled(t *testing.T) {
	for _, part := range []string{"printer", "calculator"} {
		t.Run(part, func(t *testing.T) {
			p := start(t)
			p.write("1 + 1\n")
			p.line()
			pid := p.children()[part]
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			// It says so at once, whether or not anything is typed.
			status, output := p.end()
			if status != 1 || output != "" {
				t.Errorf("status %d, printed %q", status, output)
			}
			// What was printed may not have returned: then a failed call is told too.
			got, want := p.stderr.String(), fmt.Sprintf("%s[%d]: signal: killed\n", part, pid)
			if !strings.HasSuffix(got, "\n"+want) || !strings.Contains("\n"+got, "\nexample: ") {
				t.Errorf("stderr: %q; want %q at the end", got, want)
			}
		})
	}
}

// TestChildKilledInCall kills a child that owes an answer, or is about to.
func TestChildKilledInCall(t *testing.T) {
	for _, part := range []string{"printer", "calculator"} {
		t.Run(part, func(t *testing.T) {
			p := start(t)
			p.write("1 + 1\n")
			p.line()
			pid := p.children()[part]
			stop(t, pid)
			p.write("2 + 2\n")
			p.stdin.Close()
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			status, output := p.end()
			if status != 1 || output != "" {
				t.Errorf("status %d, printed %q", status, output)
			}
			if got, want := p.stderr.String(), fmt.Sprintf("%s[%d]: signal: killed\n", part, pid); !strings.HasSuffix(got, want) {
				t.Errorf("stderr: %q; want %q at the end", got, want)
			}
		})
	}
}

// stop keeps a process from doing anything, and returns when it does nothing.
func stop(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	isRunning := func(file string) bool {
		stat, err := os.ReadFile(file)
		_, fields, _ := strings.Cut(string(stat), ") ")
		return err == nil && !strings.HasPrefix(fields, "T")
	}
	for {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(threads) == 0 {
			t.Fatal(threads, err)
		}
		if !slices.ContainsFunc(threads, isRunning) {
			return
		}
		runtime.Gosched()
	}
}

func TestParentKilled(t *testing.T) {
	p := start(t)
	p.write("1 + 1\n")
	p.line()
	p.children()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if status, output := p.end(); status != -1 || output != "" || p.stderr.Len() > 0 {
		t.Errorf("status %d, printed %q, %q", status, output, &p.stderr)
	}
}

// TestInterrupt does what Ctrl-C does.
func TestInterrupt(t *testing.T) {
	p := start(t)
	p.write("1 + 1\n")
	p.line()
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if status, output := p.end(); status != 0 || output != "" || p.stderr.Len() > 0 {
		t.Errorf("status %d, printed %q, %q", status, output, &p.stderr)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"equation"}, {"printer"}, {"printer", "3", "4"}, {"--sandbox", "3"}} {
		if err := run(args); err == nil || !strings.Contains(err.Error(), "takes no arguments") {
			t.Errorf("%q: %v", args, err)
		}
	}
	if err := run([]string{"printer", "x"}); err == nil || !strings.Contains(err.Error(), "mprt.Spawn") {
		t.Error(err)
	}
}

func TestPromptOnTerminal(t *testing.T) {
	master, slave := openTerminal(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asExample+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	err := cmd.Start()
	slave.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	if _, err := io.WriteString(master, "x = 1\nexit\n"); err != nil {
		t.Fatal(err)
	}
	// A terminal that nobody has open any more fails to be read.
	output, err := io.ReadAll(master)
	if !errors.Is(err, unix.EIO) {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(output), "\r\n", "\n")
	if !strings.Contains(text, "Processes: printer[") || strings.Count(text, "> ") != 2 ||
		!slices.Contains(strings.Split(strings.ReplaceAll(text, "> ", ""), "\n"), "x = 1: x = 1") {
		t.Errorf("terminal shows %q", text)
	}
}

// openTerminal makes a pseudo terminal.
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}
