package mprt_test

import (
	"testing"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

func TestRemoteErrorText(t *testing.T) {
	for reason, want := range map[string]string{
		"too shy":                 "too shy",
		"std::exception: too shy": "too shy",
		"remote exception: std::exception: too shy": "too shy",
		"std::exception: kj::Exception: (remote):0: failed: remote exception: std::exception: mine\nstack: 7fc8f534c7a0 55d92a0208d0": "kj::Exception: (remote):0: failed: remote exception: std::exception: mine",
		"a\nstack: 7f\nb\nstack: 55 66": "a\nb",
		"a\nstack: of hay\nb":           "a\nstack: of hay\nb",
	} {
		e := &mprt.RemoteError{Reason: reason}
		if got := e.Error(); got != want {
			t.Errorf("%q reads %q, want %q", reason, got, want)
		}
		if e.Reason != reason {
			t.Errorf("the reason has become %q", e.Reason)
		}
	}
}
