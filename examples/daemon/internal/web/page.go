package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/journal"
)

//go:embed templates
var templates embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"percent": func(d decimal.Decimal) string { return d.Shift(2).StringFixed(2) + " %" },
	"money":   func(d decimal.Decimal) string { return d.StringFixed(2) },
	"gauge":   func(d decimal.Decimal) string { return d.Abs().StringFixed(6) },
	"when":    when,
	"short":   short,
	"pretty":  pretty,
}).ParseFS(templates, "templates/*.html"))

func when(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// short cuts an identity or a hash to what fits into a table.
func short(v any) string {
	text := fmt.Sprint(v)
	if len(text) > 12 {
		return text[:10] + "…"
	}
	return text
}

// pretty indents JSON, or returns it as it is.
func pretty(raw json.RawMessage) string {
	var out bytes.Buffer
	if json.Indent(&out, raw, "", "  ") != nil {
		return string(raw)
	}
	return out.String()
}

// view is what the templates show.
type view struct {
	Session *session
	Status  *ops.Status
	Runs    []ops.Run
	Dead    []ops.Event
	More    int // dead letters that are not shown
	Run     *ops.Run
	Event   *ops.Event
	Done    string
	Fault   string
}

// overview is the page of everything, or with ?part=live what changes in it.
func (s *Server) overview(w http.ResponseWriter, r *http.Request, one *session) {
	v, err := s.everything(r, one)
	if err != nil {
		s.complain(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	name := "overview.html"
	if r.FormValue("part") == "live" {
		name = "live"
	}
	s.render(w, http.StatusOK, name, v)
}

func (s *Server) everything(r *http.Request, one *session) (*view, error) {
	v := &view{Session: one, Done: done[r.FormValue("done")]}
	status, err := s.Verbs.Status(r.Context())
	if err != nil {
		return nil, err
	}
	v.Status = &status
	if v.Runs, err = s.Verbs.Runs(r.Context(), "", 25); err != nil {
		return nil, err
	}
	dead, err := s.Verbs.DeadLetters(r.Context())
	if err != nil {
		return nil, err
	}
	v.Dead = slices.DeleteFunc(dead, func(e ops.Event) bool { return e.Successor != "" })
	v.More = max(0, len(v.Dead)-maxShown)
	v.Dead = v.Dead[:len(v.Dead)-v.More]
	cut := max(0, len(status.Waiting)-maxShown)
	status.Waiting = status.Waiting[:len(status.Waiting)-cut]
	return v, nil
}

// maxShown is how many dead letters and waiting events the page shows; the
// sub-commands list more.
const maxShown = 100

func (s *Server) run(w http.ResponseWriter, r *http.Request, one *session) {
	run, err := s.Verbs.Run(r.Context(), journal.RunID(r.PathValue("id")))
	if err != nil {
		status, f := failure(err)
		s.complain(w, status, f.Error)
		return
	}
	s.render(w, http.StatusOK, "run.html", &view{Session: one, Run: &run})
}

func (s *Server) event(w http.ResponseWriter, r *http.Request, one *session) {
	e, err := s.Verbs.Event(r.Context(), r.PathValue("id"))
	if err != nil {
		status, f := failure(err)
		s.complain(w, status, f.Error)
		return
	}
	s.render(w, http.StatusOK, "event.html", &view{Session: one, Event: &e})
}

// done are the words after an action.
var done = map[string]string{
	"enqueue": "The event is in the queue.", "requeue": "The event is in the queue again.", "drop": "The event is dropped.",
	"release": "The event is back in the line.",
	"approve": "The approval is in the queue.", "unblock": "The unblocking is in the queue: the account is reconciled first.",
	"force": "The breaker is set.",
	"block": "The account is blocked.", "kill": "Nothing more is sent.", "resume": "Orders may be sent again.",
}

// act does what a form asks for.
func (s *Server) act(w http.ResponseWriter, r *http.Request, one *session) {
	ctx, cancel := background(r)
	defer cancel()
	verb, id := r.PathValue("verb"), r.PostFormValue("id")
	on := broker.AccountID(r.PostFormValue("account"))
	signed := ops.Signed{Operator: one.Operator, Reason: r.PostFormValue("reason"), Force: r.PostFormValue("force") == "yes"}
	var err error
	switch verb {
	case "enqueue":
		_, err = s.Verbs.Enqueue(ctx, ops.NewEvent{Account: on, Key: "page:" + r.PostFormValue("key")})
	case "requeue":
		_, err = s.Verbs.Requeue(ctx, id, signed)
	case "drop":
		_, err = s.Verbs.Drop(ctx, id, signed)
	case "release":
		_, err = s.Verbs.Release(ctx, id, signed)
	case "approve":
		_, err = s.Verbs.Approve(ctx, ops.Approve{Account: on, Hash: r.PostFormValue("hash"), Signed: signed})
	case "unblock":
		_, err = s.Verbs.Unblock(ctx, on, signed)
	case "block":
		err = s.Verbs.Block(ctx, on, signed)
	case "kill":
		err = s.Verbs.Kill(ctx, on, signed)
	case "resume":
		err = s.Verbs.Resume(ctx, on, signed)
	case "force":
		id = r.PostFormValue("name")
		err = s.forced(ctx, id, force{Mode: ops.BreakerMode(r.PostFormValue("mode")), Signed: signed})
	default:
		s.complain(w, http.StatusNotFound, "There is no such action.")
		return
	}
	s.Logger.Info("operator", "verb", verb, "operator", one.Operator, "account", on, "on", id, "reason", signed.Reason, "err", err)
	if err != nil {
		status, f := failure(err)
		s.complain(w, status, f.Error)
		return
	}
	s.Hub.Tell(Change{Time: time.Now(), What: "look"})
	http.Redirect(w, r, "/?done="+verb, http.StatusSeeOther)
}

// render writes a page, or nothing of it if it cannot be made.
func (s *Server) render(w http.ResponseWriter, status int, name string, v any) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, v); err != nil {
		s.Logger.Error("page cannot be made", "page", name, "err", err)
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) //nolint:errcheck // the reader is gone
}
