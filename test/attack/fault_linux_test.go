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
