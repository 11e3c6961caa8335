package web

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/broker"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ingest"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/internal/strictjson"
	"github.com/evenkeel/evenkeel/journal"
)

// route is one way into the API.
type route struct {
	method, path string
	handle       http.HandlerFunc
}

// account is the body of requests about an account.
type account struct {
	Account broker.AccountID `json:"account"`
	ops.Signed
}

// force is the body of a request about a breaker.
type force struct {
	Mode ops.BreakerMode `json:"mode"`
	ops.Signed
}

// Failure is the body of every answer that is no success.
type Failure struct {
	Code  string `json:"code"`
	Error string `json:"error"`
}

// routes are the API. The OpenAPI document lists the same.
func (s *Server) routes() []route {
	v := s.Verbs
	return []route{
		{"GET", "/api/v1/status", answer(func(r *http.Request) (any, error) { return v.Status(r.Context()) })},
		{"POST", "/api/v1/events", answerTo(func(r *http.Request, e ops.NewEvent) (any, error) {
			return v.Enqueue(r.Context(), e)
		})},
		{"GET", "/api/v1/events/{id}", answer(func(r *http.Request) (any, error) { return v.Event(r.Context(), r.PathValue("id")) })},
		{"POST", "/api/v1/events/{id}/release", answerTo(func(r *http.Request, signed ops.Signed) (any, error) {
			return v.Release(r.Context(), r.PathValue("id"), signed)
		})},
		{"POST", "/api/v1/preview", answerTo(func(r *http.Request, a account) (any, error) {
			return v.Preview(r.Context(), a.Account)
		})},
		{"GET", "/api/v1/deadletters", answer(func(r *http.Request) (any, error) { return v.DeadLetters(r.Context()) })},
		{"POST", "/api/v1/deadletters/{id}/requeue", answerTo(func(r *http.Request, signed ops.Signed) (any, error) {
			return v.Requeue(r.Context(), r.PathValue("id"), signed)
		})},
		{"POST", "/api/v1/deadletters/{id}/drop", answerTo(func(r *http.Request, signed ops.Signed) (any, error) {
			return v.Drop(r.Context(), r.PathValue("id"), signed)
		})},
		{"GET", "/api/v1/runs", answer(func(r *http.Request) (any, error) {
			limit, err := strconv.Atoi(r.FormValue("limit"))
			if r.FormValue("limit") == "" {
				limit, err = 50, nil
			}
			if err != nil {
				return nil, fmt.Errorf("%w: limit %q is no number", ops.ErrInvalid, r.FormValue("limit"))
			}
			return v.Runs(r.Context(), broker.AccountID(r.FormValue("account")), limit)
		})},
		{"GET", "/api/v1/runs/{id...}", answer(func(r *http.Request) (any, error) {
			return v.Run(r.Context(), journal.RunID(r.PathValue("id")))
		})},
		{"POST", "/api/v1/approve", answerTo(func(r *http.Request, a ops.Approve) (any, error) {
			return v.Approve(r.Context(), a)
		})},
		{"POST", "/api/v1/unblock", answerTo(func(r *http.Request, a account) (any, error) {
			return v.Unblock(r.Context(), a.Account, a.Signed)
		})},
		{"POST", "/api/v1/block", answerTo(func(r *http.Request, a account) (any, error) {
			return struct{}{}, v.Block(r.Context(), a.Account, a.Signed)
		})},
		{"POST", "/api/v1/kill", answerTo(func(r *http.Request, a account) (any, error) {
			return struct{}{}, v.Kill(r.Context(), a.Account, a.Signed)
		})},
		{"POST", "/api/v1/resume", answerTo(func(r *http.Request, a account) (any, error) {
			return struct{}{}, v.Resume(r.Context(), a.Account, a.Signed)
		})},
		{"GET", "/api/v1/breakers", answer(func(r *http.Request) (any, error) { return v.Breakers(r.Context()) })},
		{"POST", "/api/v1/breakers/{name}", answerTo(func(r *http.Request, f force) (any, error) {
			return struct{}{}, s.forced(r.Context(), r.PathValue("name"), f)
		})},
		{"GET", "/api/v1/changes", s.Hub.serve},
	}
}

// forced sets the mode of a breaker and writes it into the log, which is where it
// is kept: a restart forgets it.
func (s *Server) forced(ctx context.Context, name string, f force) error {
	err := s.Verbs.ForceBreaker(ctx, name, f.Mode, f.Signed)
	if err == nil {
		s.Logger.Warn("operator set a breaker", "breaker", name, "mode", f.Mode, "operator", f.Operator, "reason", f.Reason)
		s.Hub.Tell(Change{Time: time.Now(), What: "look"})
	}
	return err
}

// bearer lets in who has the token.
func (s *Server) bearer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(given), []byte(s.Token.Reveal())) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="evenkeel"`)
			write(w, http.StatusUnauthorized, Failure{"unauthorized", "the bearer token is missing or wrong"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// answer writes what a verb returned.
func answer(do func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := do(r)
		if err != nil {
			status, f := failure(err)
			write(w, status, f)
			return
		}
		write(w, http.StatusOK, v)
	}
}

// answerTo is answer for a verb that takes a body.
func answerTo[T any](do func(*http.Request, T) (any, error)) http.HandlerFunc {
	return answer(func(r *http.Request) (any, error) {
		v, err := body[T](r)
		if err != nil {
			return nil, err
		}
		return do(r, v)
	})
}

// body reads the JSON body of a request, strictly.
func body[T any](r *http.Request) (T, error) {
	var v T
	data, err := io.ReadAll(io.LimitReader(r.Body, ingest.MaxBody+1))
	if err == nil {
		err = strictjson.Decode(data, ingest.MaxBody, &v)
	}
	if err != nil {
		return v, fmt.Errorf("%w: body: %w", ops.ErrInvalid, err)
	}
	return v, nil
}

// failure says what an error is over HTTP.
func failure(err error) (int, Failure) {
	status, code := http.StatusServiceUnavailable, "unavailable"
	switch {
	case errors.Is(err, ops.ErrInvalid):
		status, code = http.StatusBadRequest, "invalid"
	case errors.Is(err, ops.ErrNotFound):
		status, code = http.StatusNotFound, "not_found"
	case errors.Is(err, ops.ErrRefused):
		status, code = http.StatusConflict, "refused"
	}
	return status, Failure{code, err.Error()}
}

func write(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"code":"unavailable","error":"the answer cannot be encoded"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) //nolint:errcheck // the reader is gone
}

// health is the end-to-end report.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	report := s.Health(r.Context())
	status := http.StatusOK
	if !report.Live || !report.Ready {
		status = http.StatusServiceUnavailable
	}
	write(w, status, report)
}

// probe answers with nothing but a status.
func probe(ok func() bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if !ok() {
			http.Error(w, "no", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n") //nolint:errcheck // the reader is gone
	}
}
