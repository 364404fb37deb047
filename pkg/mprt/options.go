package mprt

import (
	"log/slog"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt/internal/vat"
)

// Option changes how connections behave.
type Option func(*options)

type options struct {
	vat            vat.Options
	name           string
	threadName     string
	maxThreads     int // -1: the default
	osThreads      bool
	maxConnections int
	grace          time.Duration
	waitForPeer    bool
	peerCheck      func(PeerCred) error
	sandbox        Sandbox
	logger         *slog.Logger
	maxChars       int
	leaked         func(Leak)
	observer       Observer
	recorder       *recorder
	profileLabels  bool
	borrowedData   bool
}

func newOptions(opts []Option) *options {
	o := &options{threadName: "thread", maxThreads: -1, maxChars: defaultMaxChars, logger: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		opt(o)
	}
	if o.maxThreads < 0 {
		o.maxThreads = 1 << 14
		if o.osThreads {
			o.maxThreads = 500
		}
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
//
// The levels are libmultiprocess's: errors that methods served here return and
// their schemas do not declare at [slog.LevelError]; connections that end out
// of order at [slog.LevelWarn]; connections that come and go, and calls that
// fail or are cancelled, at [slog.LevelInfo]; each request, response and object
// at [slog.LevelDebug]; and at [LevelTrace] params and results: their data
// words in hexadecimal, then their pointers, cut at [WithLogMaxChars]. Logging
// at Debug and below has its price in each call.
//
// The handler is called on the way of the calls and by the goroutine that
// reads the connection, so it must not block, nor make calls.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.logger = l } }

// WithTailCalls has a call that the peer makes here, and that only goes on to one
// of its own objects, answered by telling the peer that the results are those of
// that call: they do not travel here and back. Such calls are made on a promise
// of this side that has become an object of the peer's.
//
// Only for peers that know how to take that, as this library and the C++ one do:
// a peer that does not loses the call, and its connection is ended.
func WithTailCalls() Option { return func(o *options) { o.vat.TailCalls = true } }

// WithBorrowedData has the methods that the peer calls here get the Data in their
// params without a copy: such a []byte, also one in a struct, a list or a map, is
// part of the message. Like what a method in C++ gets by reference, it is valid
// until the method has returned, which may return it, and must not be changed;
// what is kept has to be copied (bytes.Clone). A method with much data costs
// about a third less. Texts, and the results of calls that are made here, are
// copies in any case.
func WithBorrowedData() Option { return func(o *options) { o.borrowedData = true } }

// WithMaxMessage limits the size in bytes of a message, in either direction.
// A larger one of the peer's ends the connection; a larger one of ours fails
// its call. The default is 64 MiB.
func WithMaxMessage(n int) Option { return func(o *options) { o.vat.MaxMessage = n } }

// WithTraversal limits how many bytes are read from one message, counting what
// is read twice twice, against small messages that refer to the same data over
// and over. The default is the size limit of messages. Of a message of n bytes
// never more than 8 n + 4 MiB are read.
func WithTraversal(n uint64) Option { return func(o *options) { o.vat.Traversal = n } }

// WithMaxCalls limits the calls of the peer that are being served. Further ones
// fail with [ErrOverloaded]; a caller of more has to hold back by itself. A peer
// that leaves four times as many questions without a Finish ends the connection.
// The default is 16,384. Calls that come back while another is waited for count
// on the other side.
func WithMaxCalls(n int) Option { return func(o *options) { o.vat.MaxCalls = n } }

// WithMaxHeld limits the bytes that the peer's calls hold here until they have
// returned, and their results until the peer has finished with them. Further
// calls fail with [ErrOverloaded], but never the only one. The default is four
// times the size limit of messages.
func WithMaxHeld(n int) Option { return func(o *options) { o.vat.MaxHeld = n } }

// WithMaxObjects limits the objects that each side may hold of the other's. A
// peer that sends more ends the connection. The default is 1,048,576.
func WithMaxObjects(n int) Option {
	return func(o *options) { o.vat.MaxExports, o.vat.MaxImports = n, n }
}

// WithMaxThreads limits the threads that the peer may make. The default is
// 16,384, or 500 with [WithOSThreads]. A call under no thread of its own borrows
// one, so this, too, limits how many calls there can be at once.
func WithMaxThreads(n int) Option { return func(o *options) { o.maxThreads = n } }

// WithOSThreads has the calls of each thread that the peer makes run on a thread
// of the operating system that serves nothing else and ends with it: for
// methods that need that, such as those that call C libraries with thread-local
// state. On Linux it has the thread's name, cut to 15 bytes, which top -H shows.
//
// Without it a quick method runs at once on the goroutine that reads the call;
// with it each call takes two switches between threads, which makes it several
// times slower. Go ends a program with more than 10,000 operating system
// threads, so the peers of a program get 8,000 in all: with many connections,
// see to [WithMaxThreads].
func WithOSThreads() Option { return func(o *options) { o.osThreads = true } }

// WithProfileLabels has methods run under profiler labels (runtime/pprof):
// "interface", "method" and "peer", and "thread" if they have a context. They
// are in the context of the method as well, for goroutines that it starts.
func WithProfileLabels() Option { return func(o *options) { o.profileLabels = true } }

// WithMaxUnsent limits the bytes that are kept for a peer that does not read,
// before its connection is ended. The default is twice the size limit of
// messages.
func WithMaxUnsent(n int) Option { return func(o *options) { o.vat.MaxUnsent = n } }

// WithMaxConnections limits how many peers [Serve] serves at a time. Further
// ones wait until one leaves. The default is no limit.
func WithMaxConnections(n int) Option { return func(o *options) { o.maxConnections = n } }

// WithGrace has [Serve], [ServeConn] and [ServeSpawned], when their context ends,
// give the calls that are being served this long to return, as
// [Conn.Shutdown] does. The default is 0: connections end at once, and the
// contexts of the calls are cancelled.
func WithGrace(d time.Duration) Option { return func(o *options) { o.grace = d } }

// WithWaitForPeer has [Dial] try again, at intervals that grow to a second,
// while nobody listens at the address, until its context ends.
func WithWaitForPeer() Option { return func(o *options) { o.waitForPeer = true } }

// WithPeerCheck has [Dial], [Serve] and [ServeConn] ask the kernel who is at
// the other end of the Unix socket, and leave, before anything is read or
// written, if check returns an error; [SameUser] is such a check. Where the
// kernel cannot tell (see [PeerCredOf]), every peer is refused.
func WithPeerCheck(check func(PeerCred) error) Option {
	return func(o *options) { o.peerCheck = check }
}

// WithLogMaxChars cuts params and results in the log to n bytes. The default is
// 200.
func WithLogMaxChars(n int) Option { return func(o *options) { o.maxChars = n } }

// WithObserver has o hear of every call of the connection.
func WithObserver(o Observer) Option { return func(opts *options) { opts.observer = o } }

// WithLeakReport has f called for each proxy client that was dropped without
// Close while its connection lasted, on the goroutine that runs finalizers for
// the whole process, which f must not block. Functions that were received are no
// leaks: there is nothing to close.
//
// It has every proxy client remember where it was made, which costs about a
// microsecond and some hundred bytes each.
func WithLeakReport(f func(Leak)) Option { return func(o *options) { o.leaked = f } }
