package attack

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
)

// TestDescriptorsExhausted has accept fail for want of descriptors: the server goes on when there are some again.
func TestDescriptorsExhausted(t *testing.T) {
	v := startVictim(t)
	defer v.stop()
	w := v.witness()
	defer w.close()
	nc, err := net.Dial("unix", v.path) // so that the poller and the like are there
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	waiting, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(waiting), "waiting")
	defer f.Close()
	// All descriptors below a low limit are taken, so that accept finds none.
	low := syscall.Rlimit{Cur: uint64(waiting) + 64, Max: old.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old)
	var taken []int
	free := func() {
		for _, fd := range taken {
			syscall.Close(fd)
		}
		taken = nil
	}
	defer free()
	for {
		fd, err := syscall.Dup(0)
		if err != nil {
			if !errors.Is(err, syscall.EMFILE) {
				t.Fatal(err)
			}
			break
		}
		taken = append(taken, fd)
	}
	if err := syscall.Connect(waiting, &syscall.SockaddrUnix{Name: v.path}); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		w.call() // those who are in are served
	}
	free()
	nc, err = net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	a := newAttacker(t, nc)
	a.open()
	a.stillServed()
}

// descriptorAttack sends open files along with frames, as Unix sockets can: they are nobody's.
var descriptorAttack = serverAttack{name: "frame/descriptors sent along", run: func(a *attacker, _ *victim) {
	a.open()
	before := descriptors(a.t)
	rights := syscall.UnixRights(0, 0, 0, 0, 0, 0, 0, 0)
	nc := a.nc.(*net.UnixConn)
	for i := range uint32(500) {
		f := buildCall(a.t, 1+i, fooInterface, fooAdd, 1, 0, 0, nil)
		for _, part := range [][]byte{f[:11], f[11:]} {
			if _, _, err := nc.WriteMsgUnix(part, rights, nil); err != nil {
				a.t.Fatal(err)
			}
		}
		a.expectReturn(1 + i)
		a.finish(1+i, true)
	}
	a.stillServed()
	if n := descriptors(a.t); n > before+4 {
		a.t.Errorf("%d descriptors before, %d after", before, n)
	}
}}

func init() { frameAttacks = append(frameAttacks, descriptorAttack) }
