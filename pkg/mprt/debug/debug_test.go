package debug_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/pkg/mprt/debug"
	"github.com/mpgo-dev/mpgo/test/foo"
	"github.com/mpgo-dev/mpgo/test/foo/fooimpl"
)

func get(t *testing.T, query string) (status int, contentType, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	http.DefaultServeMux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, debug.Path+query, nil))
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, w.Header().Get("Content-Type"), string(text)
}

func inspect(t *testing.T, query string) []mprt.Inspection {
	t.Helper()
	status, contentType, body := get(t, query)
	var found []mprt.Inspection
	if err := json.Unmarshal([]byte(body), &found); err != nil || status != http.StatusOK || contentType != "application/json" || found == nil {
		t.Fatalf("%d %s %s: %v", status, contentType, body, err)
	}
	return found
}

// The page shows both ends of a connection within this process, while a call runs and another waits.
func TestPage(t *testing.T) {
	if found := inspect(t, "?format=json"); len(found) != 0 {
		t.Errorf("%d connections before there is one", len(found))
	}
	a, b := net.Pipe()
	const hostile = `<script>alert("client")</script>`
	server := mprt.NewConn(b, foo.NewFooInterfaceServer(new(fooimpl.Foo)), mprt.WithName(hostile))
	defer server.Close()
	client := mprt.NewConn(a, nil, mprt.WithName("server"))
	defer client.Close()
	f := foo.NewFooInterfaceClient(client.Bootstrap())
	ctx, release := mprt.WithThread(t.Context(), "main")
	defer release()
	if err := f.InitThreadMap(ctx); err != nil {
		t.Fatal(err)
	}
	if err := client.MakePool(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := f.SaveCallback(ctx, callback{}); err != nil {
		t.Fatal(err)
	}
	var first []mprt.Inspection
	_, err := f.PassFn(ctx, func(context.Context) (int32, error) {
		first = inspect(t, "?format=json")
		status, contentType, html := get(t, "")
		if status != http.StatusOK || contentType != "text/html; charset=utf-8" {
			t.Errorf("%d %s", status, contentType)
		}
		if strings.Contains(html, hostile) {
			t.Error("a name is not escaped")
		}
		for _, want := range []string{
			"2 connections", "&lt;script&gt;", "<td>FooInterface.passFn</td><td>main</td><td>runs</td>", "<td>FooFn.call</td>",
			"<td>main</td><td>the peer</td><td>busy</td>", "<td>pool0</td><td>the peer</td><td>idle</td>",
			"<td>main</td><td>this process</td><td>busy</td>", "<td>FooCallback</td><td>debug_test.callback</td>",
		} {
			if !strings.Contains(html, want) {
				t.Errorf("the page has no %s", want)
			}
		}
		return 0, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != 2 || first[0].Peer != hostile || first[1].Peer != "server" {
		t.Fatalf("connections %+v", first)
	}
	there, here := first[0], first[1]
	if len(here.Waiting) != 1 || here.Waiting[0].Method != "FooInterface.passFn" ||
		len(here.Serving) != 1 || here.Serving[0].Method != "FooFn.call" || here.Serving[0].Thread != "main" || !here.Serving[0].Running {
		t.Errorf("the client: %+v", here)
	}
	if len(there.Waiting) != 1 || len(there.Serving) != 1 || there.Stats.CallsReceived != here.Stats.CallsSent {
		t.Errorf("the server: %+v", there)
	}
	for _, i := range first {
		if i.Since.IsZero() || i.Serving[0].Seen.IsZero() || time.Since(i.Waiting[0].Seen) < 0 {
			t.Errorf("times: %+v", i)
		}
	}
	// Lists can be cut.
	if found := inspect(t, "?format=json&n=1"); len(found) != 2 || len(found[0].Threads) != 1 || len(found[0].Objects) != 1 ||
		len(found[1].Threads) != 1 || len(found[1].Objects) != 1 {
		t.Errorf("more than one each: %+v", found)
	}
	// Connections that have ended are not shown.
	client.Close()
	<-server.Done()
	if found := inspect(t, "?format=json"); len(found) != 0 {
		t.Errorf("%+v", found)
	}
}

type callback struct{}

func (callback) Call(_ context.Context, arg int32) (int32, error) { return arg, nil }

func TestBadRequests(t *testing.T) {
	for _, query := range []string{"?n=0", "?n=x", "?n=1000000", "?format=xml"} {
		if status, _, body := get(t, query); status != http.StatusBadRequest || body == "" {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
	w := httptest.NewRecorder()
	debug.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, debug.Path, nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}
