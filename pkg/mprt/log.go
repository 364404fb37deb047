package mprt

import (
	"context"
	"log/slog"
	"math"
	"sync/atomic"

	"capnproto.org/go/capnp/v3"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/rpctext"
)

// LevelTrace is the level at which the params and results of calls are logged,
// below [slog.LevelDebug]. The levels are libmultiprocess's: see [WithLogger].
const LevelTrace = slog.LevelDebug - 4

// defaultTraverse is go-capnp's, of a message that sets none.
const defaultTraverse = 64 << 20

// defaultMaxChars is libmultiprocess's (mp/proxy-io.h, LogOptions).
const defaultMaxChars = 200

// callLog writes about calls and objects what libmultiprocess's log has.
type callLog struct {
	*slog.Logger // nil if nothing is logged
	maxChars     int
}

func newCallLog(o *options) callLog {
	if o.logger.Handler() == slog.DiscardHandler {
		return callLog{}
	}
	return callLog{o.logger, o.maxChars}
}

// on reports whether calls are logged.
func (l *callLog) on(ctx context.Context) bool {
	return l.Logger != nil && l.Enabled(ctx, slog.LevelDebug)
}

// prints reports whether params and results are logged.
func (l *callLog) prints(ctx context.Context) bool {
	return l.Logger != nil && l.Enabled(ctx, LevelTrace)
}

// requests numbers the calls in the log.
var requests atomic.Uint64

func (l *callLog) sending(c *ClientCall) {
	info := c.info
	info.number = requests.Add(1)
	l.LogAttrs(c.ctx, slog.LevelDebug, "IPC client send", l.attrs(info)...)
	l.data(c.ctx, "send data", info, c.q.Params())
}

func (l *callLog) returned(c *ClientCall, info *CallInfo) {
	if info.Err != nil {
		l.failed(c, info.Err)
		return
	}
	if info.number == 0 {
		return // debugging was turned on meanwhile
	}
	l.LogAttrs(c.ctx, slog.LevelDebug, "IPC client recv", append(l.attrs(info), slog.Duration("duration", info.Duration))...)
	l.data(c.ctx, "recv data", info, c.q.Results())
}

// failed logs an error that the caller gets.
func (l *callLog) failed(c *ClientCall, err error) {
	if l.Logger != nil && err != nil {
		l.LogAttrs(c.ctx, slog.LevelInfo, "IPC client exception", slog.String("method", c.method.String()),
			slog.String("peer", c.conn.name), slog.Any("error", err))
	}
}

func (l *callLog) received(c *ServerCall) {
	info := c.info
	info.number = requests.Add(1)
	l.LogAttrs(c, slog.LevelDebug, "IPC server recv request", l.attrs(info)...)
	l.data(c, "request data", info, c.call.Params)
}

func (l *callLog) returning(c *ServerCall, err error) {
	switch {
	case l.Logger == nil:
	case err != nil && c.Err() != nil:
		l.LogAttrs(c, slog.LevelInfo, "IPC server request canceled", slog.String("method", c.method.String()),
			slog.String("peer", c.conn.name), slog.Any("error", err))
	case err != nil:
		l.LogAttrs(c, slog.LevelError, "IPC server error request", slog.String("method", c.method.String()),
			slog.String("peer", c.conn.name), slog.Any("error", err))
	case c.info != nil && c.info.number != 0:
		l.LogAttrs(c, slog.LevelDebug, "IPC server send response", append(l.attrs(c.info),
			slog.Duration("queued", c.info.Queued), slog.Duration("duration", c.info.Duration))...)
		l.data(c, "response data", c.info, c.results)
	}
}

func (l *callLog) attrs(info *CallInfo) []slog.Attr {
	attrs := make([]slog.Attr, 0, 6)
	attrs = append(attrs, slog.Uint64("request", info.number),
		slog.String("method", info.Interface+"."+info.Method), slog.String("peer", info.Peer))
	if info.Thread != "" {
		attrs = append(attrs, slog.String("thread", info.Thread))
	}
	return attrs
}

// data logs the content of a call or a return. What it reads does not count
// against the limits of the message, whose reader has not begun.
func (l *callLog) data(ctx context.Context, what string, info *CallInfo, s capnp.Struct) {
	if !l.prints(ctx) {
		return
	}
	if msg := s.Message(); msg != nil {
		limit := msg.TraverseLimit
		if limit == 0 {
			limit = defaultTraverse
		}
		msg.ResetReadLimit(math.MaxUint64)
		defer msg.ResetReadLimit(limit)
	}
	text := rpctext.AppendStruct(nil, s, rpctext.Options{MaxChars: l.maxChars})
	l.LogAttrs(ctx, LevelTrace, what, slog.Uint64("request", info.number),
		slog.String("method", info.Interface+"."+info.Method), slog.String("data", string(text)))
}

// object is told that an object was made or ended, and logs it.
func (c *Conn) object(what string, i *Interface) {
	t := c.tap
	if t == nil {
		return
	}
	t.record.know(i)
	if t.callLog.on(context.Background()) {
		t.callLog.LogAttrs(context.Background(), slog.LevelDebug, what,
			slog.String("interface", i.Name), slog.String("peer", c.name))
	}
}
