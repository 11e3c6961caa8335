package ibkr

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/rs/zerolog"
	"github.com/scmhub/ibapi"
)

// The client library has one logger for the whole process, which writes to
// standard error, and its init sets zerolog's global level. Both are undone once,
// here, before any connection exists: later it would race. What the library says
// then goes to the loggers of the open brokers, at debug level.
var libraryLog = containLibrary()

// logFan hands the library's lines to the loggers that want them.
type logFan struct {
	mu      sync.Mutex
	loggers []*slog.Logger
}

func containLibrary() *logFan {
	if zerolog.GlobalLevel() == ibapi.DEFAULT_LEVEL {
		zerolog.SetGlobalLevel(zerolog.DebugLevel) // zerolog's own default
	}
	fan := &logFan{}
	ibapi.SetLogger(zerolog.New(fan).Level(zerolog.DebugLevel))
	return fan
}

// Write takes one line of the library.
func (f *logFan) Write(line []byte) (int, error) {
	f.mu.Lock()
	loggers := f.loggers // never changed in place
	f.mu.Unlock()
	for _, l := range loggers {
		if l.Enabled(context.Background(), slog.LevelDebug) {
			l.Debug("client library", "line", string(line))
		}
	}
	return len(line), nil
}

func (f *logFan) add(l *slog.Logger) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loggers = append(slices.Clone(f.loggers), l)
}

func (f *logFan) remove(l *slog.Logger) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.loggers, l); i >= 0 {
		f.loggers = slices.Delete(slices.Clone(f.loggers), i, i+1)
	}
}
