package vat

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ticker is a timer descriptor, which Go's poller waits for together with the
// sockets: an armed one costs the scheduler nothing between ticks.
type ticker struct {
	fd   int
	file *os.File
	made bool
	buf  [8]byte
	t    *time.Ticker // if there is no descriptor to be had
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
	t.fd = fd
	t.file = os.NewFile(uintptr(fd), "timerfd")
	return true
}

func (t *ticker) start() { t.set(tick) }
func (t *ticker) stop()  { t.set(0) }

func (t *ticker) set(d time.Duration) {
	if t.file == nil {
		if d == 0 {
			t.t.Stop()
		} else {
			t.t.Reset(d)
		}
		return
	}
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.TimerfdSettime(t.fd, 0, &unix.ItimerSpec{Interval: ts, Value: ts}, nil)
}

// wait waits for the next tick; for ever while the ticker is stopped.
func (t *ticker) wait() {
	if t.file == nil {
		<-t.t.C
		return
	}
	if _, err := t.file.Read(t.buf[:]); err != nil {
		time.Sleep(tick)
	}
}
