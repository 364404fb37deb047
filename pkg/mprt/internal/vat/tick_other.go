//go:build !linux

package vat

import "time"

// ticker is a plain time.Ticker.
type ticker struct{ t *time.Ticker }

// fresh reports, once, that nobody waits for the ticker yet.
func (t *ticker) fresh() bool {
	if t.t != nil {
		return false
	}
	t.t = time.NewTicker(tick)
	return true
}

func (t *ticker) start() { t.t.Reset(tick) }
func (t *ticker) stop()  { t.t.Stop() }

// wait waits for the next tick; for ever while the ticker is stopped.
func (t *ticker) wait() { <-t.t.C }
