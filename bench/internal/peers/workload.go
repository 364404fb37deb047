package peers

import (
	"fmt"
	"time"
)

// Op is what one call does.
type Op int

// The operations.
const (
	// Add sends two numbers and gets their sum.
	Add Op = iota
	// Context is Add by a method that takes the caller's thread and callback thread along. A peer without threads makes an ordinary call under a
	// context that can be cancelled.
	Context
	// CallbackSaved is a call during which the server calls a function of the client that it was given before.
	CallbackSaved
	// Callback is the same with a new function passed in each call, which is destroyed and released in the end.
	Callback
	// Pass sends a FooStruct and gets it back.
	Pass
	// PassData sends Bytes bytes and gets them back.
	PassData
	// Chain makes ChainLength calls, each to what the one before returned. A peer without pipelining makes them one after the other.
	Chain
)

// ChainLength is the number of calls of a Chain.
const ChainLength = 5

// Workload is a row of the comparison.
type Workload struct {
	Name string
	Op   Op
	// Callers is how many goroutines call at once through one client.
	Callers int
	// Bytes is the size of the raw ping-pong that it is measured against, which is also the length of PassData's argument.
	Bytes int
	// Blocked has one handler of the same connection blocked all the while.
	Blocked bool
	// Reblock, if not 0, ends the block and begins a new one this often.
	Reblock time.Duration
	// Title describes the row to a reader.
	Title string
}

// Sizes of the raw ping-pong.
const (
	smallBytes = 64
	// structBytes is about what a call that carries the FooStruct takes in Cap'n Proto's encoding.
	structBytes = 512
)

// Workloads are the rows of the comparison, in the order of the tables.
var Workloads = []Workload{
	{Name: "add", Op: Add, Callers: 1, Bytes: smallBytes, Title: "add (no context)"},
	{Name: "context", Op: Context, Callers: 1, Bytes: smallBytes, Title: "a method with a context"},
	{Name: "callback_saved", Op: CallbackSaved, Callers: 1, Bytes: smallBytes, Title: "the server calls back once"},
	{Name: "callback", Op: Callback, Callers: 1, Bytes: smallBytes, Title: "the same, the function passed, destroyed and released"},
	{Name: "pass", Op: Pass, Callers: 1, Bytes: structBytes, Title: "pass(FooStruct)"},
	{Name: "data_64k", Op: PassData, Callers: 1, Bytes: 64 << 10, Title: "64 KiB there and back"},
	{Name: "data_1m", Op: PassData, Callers: 1, Bytes: 1 << 20, Title: "1 MiB there and back"},
	{Name: "chain5", Op: Chain, Callers: 1, Bytes: smallBytes, Title: "a chain of five calls"},
	{Name: "context_8", Op: Context, Callers: 8, Bytes: smallBytes, Title: "eight callers, context calls"},
	{Name: "add_64", Op: Add, Callers: 64, Bytes: smallBytes, Title: "64 callers, add"},
	{Name: "add_blocked", Op: Add, Callers: 1, Bytes: smallBytes, Blocked: true, Title: "add while another handler is blocked"},
	{Name: "add_reblocked", Op: Add, Callers: 1, Bytes: smallBytes, Blocked: true, Reblock: 2 * time.Millisecond,
		Title: "add while another handler blocks anew every 2 ms"},
}

// newData returns n bytes that are not all the same.
func newData(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

// checkData says whether got is data, by its length and its ends.
func checkData(got, data []byte) error {
	if len(got) != len(data) || got[0] != data[0] || got[len(got)-1] != data[len(data)-1] {
		return fmt.Errorf("%d bytes came back different (%d)", len(data), len(got))
	}
	return nil
}

// checkInt says whether a number is the one expected.
func checkInt(got, want int32) error {
	if got != want {
		return fmt.Errorf("got %d, want %d", got, want)
	}
	return nil
}

// callbackResult is what every client's callback answers.
func callbackResult(arg int32) int32 { return arg + 1 }

// gate is where a server's Block waits for Unblock. The objects that Hold asks for
// have none: what they take is to be what the peer takes, not a channel.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

func (g gate) block()   { <-g }
func (g gate) unblock() { g <- struct{}{} }
