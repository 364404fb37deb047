package vat

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ticker is a timer descriptor, which Go's poller waits for together with the
// sockets: an armed one costs the scheduler nothing between ticks. Its system
// calls do not wait, and are made without the scheduler: one that the
// scheduler knows of wakes the runtime's monitor, which then looks at
// everything each 20 µs for longer than a tick.
type ticker struct {
	fd     int
	raw    syscall.RawConn
	readFn func(fd uintptr) bool // consume, allocated once
	made   bool
	t      *time.Ticker // if there is no descriptor to be had
}

// fresh reports, once, that nobody waits for the ticker yet.
func (t *ticker) fresh() bool {
	if t.made {
		return false
	}
	t.made = true
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		t.t = time.NewTicker(tick)
		return true
	}
	raw, err := os.NewFile(uintptr(fd), "timerfd").SyscallConn()
	if err != nil {
		t.t = time.NewTicker(tick)
		return true
	}
	t.fd, t.raw, t.readFn = fd, raw, consume
	return true
}

func (t *ticker) start() { t.set(tick) }
func (t *ticker) stop()  { t.set(0) }

func (t *ticker) set(d time.Duration) {
	if t.raw == nil {
		if d == 0 {
			t.t.Stop()
		} else {
			t.t.Reset(d)
		}
		return
	}
	ts := unix.NsecToTimespec(int64(d))
	spec := unix.ItimerSpec{Interval: ts, Value: ts}
	_, _, _ = syscall.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(t.fd), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}

// wait waits for the next tick; for ever while the ticker is stopped.
func (t *ticker) wait() {
	if t.raw == nil {
		<-t.t.C
		return
	}
	if err := t.raw.Read(t.readFn); err != nil {
		time.Sleep(tick)
	}
}

// consume reads how often the timer has fired. It reports false if it has not.
func consume(fd uintptr) bool {
	var fired uint64
	_, _, e := syscall.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&fired)), unsafe.Sizeof(fired))
	return e != unix.EAGAIN
}
