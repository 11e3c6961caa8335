package redisqueue

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/internal/redisconn"
	"github.com/evenkeel/evenkeel/queue"
	"github.com/evenkeel/evenkeel/retry"
)

//go:embed lua/*.lua
var sources embed.FS

// scripts are the transitions, each with what they share in front of it.
type scripts struct {
	init, publish, claim, giveBack, extend, settle, operator, stats, list, entry, sweep, audit, tick *redisconn.Script
}

func newScripts() scripts {
	script := func(name string, more ...string) *redisconn.Script {
		return redisconn.NewScript("queue "+name, source(append([]string{"lib", "clock", "account", "event"}, append(more, name)...)...))
	}
	const args = 9 // of each call of a group
	return scripts{
		init:     script("init"),
		publish:  redisconn.NewGroupScript("queue publish", args, source("lib", "clock", "account", "event", "accept", "group", "publish")),
		claim:    script("claim"),
		giveBack: script("giveback"),
		extend:   script("extend"),
		settle:   redisconn.NewGroupScript("queue settle", args, source("lib", "clock", "account", "event", "group", "settle")),
		operator: script("operator", "accept"),
		stats:    script("stats"),
		list:     script("list"),
		entry:    script("entry"),
		sweep:    script("sweep"),
		audit:    script("audit"),
		tick:     redisconn.NewScript("queue tick", source("lib", "clock", "tick")),
	}
}

func source(names ...string) string {
	var all strings.Builder
	for _, name := range names {
		text, err := sources.ReadFile("lua/" + name + ".lua")
		if err != nil {
			panic(err) // it was compiled in
		}
		all.Write(text)
		all.WriteByte('\n')
	}
	return all.String()
}

// run executes a script, and again after a transient error.
func (q *Queue) run(ctx context.Context, s *redisconn.Script, args ...any) (reply, error) {
	return q.runBehind(ctx, nil, s, args...)
}

// runBehind is run with a barrier.
func (q *Queue) runBehind(ctx context.Context, b *Barrier, s *redisconn.Script, args ...any) (reply, error) {
	call := redisconn.Call{Script: s, Keys: q.keys, Args: append([]any{q.limits.Load()}, args...), Last: q.witness.least, Barrier: b}
	return q.repeat(ctx, func(ctx context.Context, _ int) (reply, error) { return q.once(ctx, call) })
}

// repeat calls f, which is told how often it was called before. The first call
// costs nothing extra.
func (q *Queue) repeat(ctx context.Context, f func(context.Context, int) (reply, error)) (reply, error) {
	r, err := f(ctx, 0)
	if !again(err) || ctx.Err() != nil {
		return r, err
	}
	q.suspect()
	tries := 0
	var last error
	err = q.opts.Retry.Do(ctx, func(ctx context.Context) error {
		tries++
		r, last = f(ctx, tries)
		if last != nil && !again(last) {
			return retry.As(last, retry.Permanent)
		}
		return last
	})
	if err != nil && last != nil && !again(last) {
		err = last
	}
	return r, err
}

// again reports whether a call may succeed if it is repeated at once. A server
// without memory needs more time than a caller has.
func again(err error) bool {
	return err != nil && !errors.Is(err, redisconn.ErrOutOfMemory) && retry.ClassOf(err) == retry.Transient
}

// once executes a script and reads what every script may answer.
func (q *Queue) once(ctx context.Context, call redisconn.Call) (reply, error) {
	value, err := q.conn.Run(ctx, call)
	if errors.Is(err, redisconn.ErrWrongType) {
		err = q.nameWrongType(ctx, err)
	}
	if err != nil {
		return nil, err
	}
	r, ok := value.([]any)
	if !ok || len(r) == 0 {
		return nil, fmt.Errorf("redisqueue: %s: the answer is a %T, not a list", call.Script.Name(), value)
	}
	switch reply(r).text(0) {
	case "void":
		return nil, retry.As(fmt.Errorf("%w: %s: key %s: find out why, then open the queue again", ErrLost, call.Script.Name(), q.keys[0]), retry.Session)
	case "other":
		return nil, retry.As(fmt.Errorf("%w: %s: key %s is that of a newer queue, which was opened after the old one was lost: find out why, then open the queue again",
			ErrLost, call.Script.Name(), q.keys[0]), retry.Session)
	case "foreign":
		return nil, retry.As(fmt.Errorf("%w: key %s holds %.40q: choose another Options.Name or database", ErrForeign, q.keys[0], reply(r).text(1)), retry.Permanent)
	case "newer":
		return nil, retry.As(fmt.Errorf("%w: key space %s has schema %.40s, this release knows %d: nothing was changed, leave it to a newer release",
			queue.ErrNewerSchema, q.keys[0], reply(r).text(1), keySchema), retry.Permanent)
	}
	return r, nil
}

// nameWrongType finds out which key is at fault.
func (q *Queue) nameWrongType(ctx context.Context, err error) error {
	want := map[string]string{"ctl": "string", "keys": "hash", "acts": "hash", "accts": "set", "ended": "list"}
	for _, name := range [...]string{"later", "ready", "wait", "lease", "held", "dead", "superseded", "again", "acts:at"} {
		want[name] = "zset"
	}
	var wrong []string
	pipe := q.conn.Client().Pipeline()
	replies := map[string]*redis.StatusCmd{}
	for name := range want {
		replies[name] = pipe.Type(ctx, q.prefix+name)
	}
	_, _ = pipe.Exec(ctx)
	for name, reply := range replies {
		if is := reply.Val(); is != "" && is != "none" && is != want[name] {
			wrong = append(wrong, fmt.Sprintf("key %s is a %s, not a %s", q.prefix+name, is, want[name]))
		}
	}
	if len(wrong) == 0 {
		wrong = []string{"a key of an account or an event under " + q.prefix}
	}
	return fmt.Errorf("redisqueue: %s: %w", strings.Join(wrong, ", "), err)
}

// reply is what a script answered: texts and lists.
type reply []any

// text returns a text, "" if there is none.
func (r reply) text(i int) string {
	if i < 0 || i >= len(r) {
		return ""
	}
	s, _ := r[i].(string)
	return s
}
