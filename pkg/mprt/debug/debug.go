// Package debug serves a page that shows the connections of this process: their
// figures, the calls in flight, the threads and the objects that peers hold.
//
// It is used as net/http/pprof is. A program that imports it for its effect
//
//	import _ "github.com/mpgo-dev/mpgo/pkg/mprt/debug"
//
// and serves [http.DefaultServeMux] has the page at /debug/mprt/. Others mount
// [Handler] where they like. The page tells what a program does, so do not serve
// it to the public. Programs that do not import the package do not link
// net/http for it.
package debug

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
)

// Path is where the page is in [http.DefaultServeMux].
const Path = "/debug/mprt/"

func init() { http.Handle(Path, Handler()) }

const (
	defaultLimit = 100
	maxLimit     = 100_000
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"ago": func(t time.Time) time.Duration { return time.Since(t).Round(time.Millisecond) },
}).Parse(pageText))

// Handler returns the page. The query parameter "format" may be "json", for an
// array of [mprt.Inspection], and "n" limits the entries of each list of a
// connection; 100 unless it is given.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	limit := defaultLimit
	if n := r.FormValue("n"); n != "" {
		var err error
		if limit, err = strconv.Atoi(n); err != nil || limit < 1 || limit > maxLimit {
			http.Error(w, "n must be a number from 1 to "+strconv.Itoa(maxLimit), http.StatusBadRequest)
			return
		}
	}
	found := []mprt.Inspection{} // not null in JSON
	for _, c := range mprt.Conns() {
		found = append(found, c.Inspect(limit))
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	// What is written after an error is nobody's, so there is nobody to tell.
	switch format := r.FormValue("format"); format {
	case "json":
		w.Header().Set("Content-Type", "application/json")
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		_ = e.Encode(found)
	case "", "html":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, struct {
			Limit int
			Conns []mprt.Inspection
		}{limit, found})
	default:
		http.Error(w, `format must be "html" or "json"`, http.StatusBadRequest)
	}
}
