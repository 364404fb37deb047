package mprt

import (
	"log/slog"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// Option changes how connections behave.
type Option func(*options)

type options struct {
	vat            vat.Options
	name           string
	threadName     string
	maxThreads     int
	maxConnections int
	logger         *slog.Logger
	leaked         func(iface string)
}

func newOptions(opts []Option) *options {
	o := &options{threadName: "thread", maxThreads: 10_000, logger: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// WithName sets what errors and logs call the peer. The default is its
// address.
func WithName(name string) Option { return func(o *options) { o.name = name } }

// WithThreadName sets the name of threads that calls borrow, to which a number
// is added. The default is "thread".
func WithThreadName(name string) Option { return func(o *options) { o.threadName = name } }

// WithLogger sets where a connection logs. The default is nowhere.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.logger = l } }

// WithMaxMessage limits the size in bytes of a message, in either direction.
// A larger one of the peer's ends the connection; a larger one of ours fails
// its call. The default is 64 MiB.
func WithMaxMessage(n int) Option { return func(o *options) { o.vat.MaxMessage = n } }

// WithTraversal limits how many bytes are read from one message, counting what
// is read twice twice, against small messages that refer to the same data over
// and over. The default is the size limit of messages.
func WithTraversal(n uint64) Option { return func(o *options) { o.vat.Traversal = n } }

// WithMaxCalls limits the calls of the peer that are being served. Further ones
// fail with [ErrOverloaded]. The default is 4096.
func WithMaxCalls(n int) Option { return func(o *options) { o.vat.MaxCalls = n } }

// WithMaxObjects limits the objects that each side may hold of the other's. A
// peer that sends more ends the connection. The default is 1,048,576.
func WithMaxObjects(n int) Option {
	return func(o *options) { o.vat.MaxExports, o.vat.MaxImports = n, n }
}

// WithMaxThreads limits the threads that the peer may make. The default is
// 10,000.
func WithMaxThreads(n int) Option { return func(o *options) { o.maxThreads = n } }

// WithMaxUnsent limits the bytes that are kept for a peer that does not read,
// before its connection is ended. The default is twice the size limit of
// messages.
func WithMaxUnsent(n int) Option { return func(o *options) { o.vat.MaxUnsent = n } }

// WithMaxConnections limits how many peers [Serve] serves at a time. Further
// ones wait until one leaves. The default is no limit.
func WithMaxConnections(n int) Option { return func(o *options) { o.maxConnections = n } }

// WithLeakReport has f called with the interface's name for each proxy client
// that was dropped without Close.
func WithLeakReport(f func(iface string)) Option { return func(o *options) { o.leaked = f } }
