package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The limits of logins.
const (
	sessionLife  = 12 * time.Hour
	maxSessions  = 1000
	maxFailures  = 10 // in a minute, of all together
	cookieName   = "evenkeel_session"
	maxForm      = 64 << 10
	maxNameBytes = 60
)

// session is a person who logged in.
type session struct {
	Operator string
	CSRF     string
	expires  time.Time
}

// sessions are all of them, by the hash of their cookie. The zero value is ready.
type sessions struct {
	mu       sync.Mutex
	open     map[[32]byte]*session
	failures []time.Time
}

// begin makes a session and returns its cookie's value.
func (s *sessions) begin(operator string, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[[32]byte]*session{}
	}
	for id, one := range s.open {
		if now.After(one.expires) || len(s.open) >= maxSessions {
			delete(s.open, id)
		}
	}
	value := rand.Text() + rand.Text()
	s.open[sha256.Sum256([]byte(value))] = &session{Operator: operator, CSRF: rand.Text(), expires: now.Add(sessionLife)}
	return value
}

func (s *sessions) find(value string, now time.Time) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.open[sha256.Sum256([]byte(value))]
	if one == nil || now.After(one.expires) {
		return nil
	}
	return one
}

func (s *sessions) end(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, sha256.Sum256([]byte(value)))
}

// tired reports whether too many logins failed in the last minute.
func (s *sessions) tired(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	recent := s.failures[:0]
	for _, at := range s.failures {
		if now.Sub(at) < time.Minute {
			recent = append(recent, at)
		}
	}
	s.failures = recent
	return len(recent) >= maxFailures
}

func (s *sessions) failed(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = append(s.failures, now)
}

// session lets in who logged in; others are sent to the login. A request that
// changes something must carry the session's token in its form.
func (s *Server) session(next func(http.ResponseWriter, *http.Request, *session)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var one *session
		if cookie, err := r.Cookie(cookieName); err == nil {
			one = s.sessions.find(cookie.Value, time.Now())
		}
		if one == nil {
			if r.Method == http.MethodGet && r.URL.Path != "/changes" && r.FormValue("part") == "" {
				http.Redirect(w, r, "/login", http.StatusSeeOther)
				return
			}
			s.complain(w, http.StatusUnauthorized, "Log in first.")
			return
		}
		if r.Method == http.MethodPost {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			if subtle.ConstantTimeCompare([]byte(r.PostFormValue("csrf")), []byte(one.CSRF)) != 1 {
				s.complain(w, http.StatusForbidden, "This form is not of your session. Load the page again.")
				return
			}
		}
		next(w, r, one)
	})
}

func (s *Server) loginForm(w http.ResponseWriter, _ *http.Request) {
	s.render(w, http.StatusOK, "login.html", map[string]any{})
}

// login opens a session for who knows the token and says who he is.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	now, operator := time.Now(), strings.TrimSpace(r.PostFormValue("operator"))
	if s.sessions.tired(now) {
		s.render(w, http.StatusTooManyRequests, "login.html", map[string]any{"Fault": "Too many attempts. Wait a minute."})
		return
	}
	if subtle.ConstantTimeCompare([]byte(strings.TrimSpace(r.PostFormValue("token"))), []byte(s.Token.Reveal())) != 1 {
		s.sessions.failed(now)
		s.render(w, http.StatusUnauthorized, "login.html", map[string]any{"Fault": "The token is wrong.", "Operator": operator})
		return
	}
	if operator == "" || len(operator) > maxNameBytes {
		s.render(w, http.StatusBadRequest, "login.html", map[string]any{"Fault": "Say who you are: it is written down with all that you do."})
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: s.sessions.begin(operator, now), Path: "/", MaxAge: int(sessionLife / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request, _ *session) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		s.sessions.end(cookie.Value)
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// complain is a page that says what is wrong.
func (s *Server) complain(w http.ResponseWriter, status int, what string) {
	s.render(w, status, "fault.html", map[string]any{"Fault": what})
}

// background is for work that a request asked for and that must not end with it.
func background(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), 30*time.Second)
}
