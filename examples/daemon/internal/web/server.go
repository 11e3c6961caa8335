package web

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
	"github.com/evenkeel/evenkeel/rebalance"
)

//go:embed static
var static embed.FS

//go:embed openapi.json
var openapi []byte

// HeaderInstance names the daemon that answers.
const HeaderInstance = "X-Evenkeel-Instance"

// Config is what the server shows. All fields are required but for Hook.
type Config struct {
	Verbs  ops.Verbs
	Health func(context.Context) rebalance.Report
	// Live and Ready answer at once.
	Live, Ready func() bool
	Metrics     http.Handler
	// Hook takes webhooks. Default: none are taken.
	Hook  http.Handler
	Token config.Secret
	// Instance tells this daemon from every other.
	Instance string
	// Hosts are the names under which the server may be asked, besides those of
	// the loopback. Default: none.
	Hosts  []string
	Hub    *Hub
	Logger *slog.Logger
}

// Server is the handler of all that the daemon serves.
type Server struct {
	Config
	sessions sessions
	handler  http.Handler
}

// New returns the server.
func New(c Config) *Server {
	s := &Server{Config: c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", probe(c.Live))
	mux.HandleFunc("GET /readyz", probe(c.Ready))
	mux.Handle("GET /metrics", c.Metrics)
	mux.Handle("GET /healthz", s.bearer(http.HandlerFunc(s.health)))
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(openapi) //nolint:errcheck // the reader is gone
	})
	if c.Hook != nil {
		mux.Handle("POST /hooks/events", c.Hook)
	}
	for _, r := range s.routes() {
		mux.Handle(r.method+" "+r.path, s.bearer(r.handle))
	}
	s.page(mux)
	s.handler = s.guard(mux)
	return s
}

// page adds the operations page.
func (s *Server) page(mux *http.ServeMux) {
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // it is embedded
	}
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(files)))
	mux.HandleFunc("GET /login", s.loginForm)
	mux.HandleFunc("POST /login", s.login)
	mux.Handle("POST /logout", s.session(s.logout))
	mux.Handle("GET /{$}", s.session(s.overview))
	mux.Handle("GET /runs/{id...}", s.session(s.run))
	mux.Handle("GET /events/{id}", s.session(s.event))
	mux.Handle("GET /changes", s.session(func(w http.ResponseWriter, r *http.Request, _ *session) { s.Hub.serve(w, r) }))
	mux.Handle("POST /do/{verb}", s.session(s.act))
}

// ServeHTTP serves.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// guard refuses foreign hosts and origins, and sets the headers of every answer.
func (s *Server) guard(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	checked := origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.ours(r.Host) {
			http.Error(w, "this host name is not the daemon's: see http.hosts in its configuration", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set(HeaderInstance, s.Instance)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		checked.ServeHTTP(w, r)
	})
}

// ours reports whether a Host header names this daemon.
func (s *Server) ours(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback() || slices.Contains(s.Hosts, name) || slices.Contains(s.Hosts, host)
}

// longestAnswer bounds how long a request may take from its header to the end of its
// answer, so that nobody holds a connection by reading nothing. Streams have a limit
// of their own.
const longestAnswer = 3 * time.Minute

// Serve serves on a listener until ctx ends, then lets requests under way end
// for a moment.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: longestAnswer, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog:    slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	s.Hub.Close() // streams end
	soon, cancel := context.WithTimeout(base, 3*time.Second)
	defer cancel()
	err := server.Shutdown(soon)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		return errors.Join(err, served)
	}
	return err
}
