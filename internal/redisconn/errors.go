package redisconn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/retry"
)

// Sentinels that an [*Error] matches. Use errors.Is.
var (
	// ErrConnection: no server, or the connection broke; the call may have been
	// executed.
	ErrConnection = errors.New("redis: no connection")
	// ErrUnavailable: the server refuses for now: it loads, has lost its master
	// or its slots, cannot save, or has too many clients.
	ErrUnavailable = errors.New("redis: not available")
	// ErrReadOnly: the server is a replica: a failover is under way, or the
	// address is wrong.
	ErrReadOnly = errors.New("redis: read only replica")
	// ErrOutOfMemory: the server has used its memory up; try later.
	ErrOutOfMemory = errors.New("redis: out of memory")
	// ErrAuth: user or password is wrong or missing, or the user may not do this.
	ErrAuth = errors.New("redis: not permitted")
	// ErrWrongType: a key holds something that is not ours.
	ErrWrongType = errors.New("redis: key of a wrong type")
	// ErrNoDatabase: the server has no database of this number.
	ErrNoDatabase = errors.New("redis: no such database")
	// ErrTopology: the server is part of a cluster and was not used as one, or
	// the keys of a call have different slots.
	ErrTopology = errors.New("redis: wrong kind of server")
	// ErrNotDurable: the call was executed, but its [Barrier] was not reached.
	ErrNotDurable = errors.New("redis: not durable enough")
	// ErrRefused: the server refuses the command for a reason of its own.
	ErrRefused = errors.New("redis: refused")
	// ErrClosed: the connection was closed.
	ErrClosed = errors.New("redis: closed")
)

// Error is what went wrong with a call.
type Error struct {
	Op     string // the script or command
	Code   string // the server's code, such as OOM; empty without an answer
	Detail string
	kind   error
	class  retry.Class
}

// Error returns "redis: what: code: detail".
func (e *Error) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("%s: %s: %s", e.kind, e.Op, e.Detail)
	}
	return fmt.Sprintf("%s: %s: %s: %s", e.kind, e.Op, e.Code, e.Detail)
}

// Unwrap returns the sentinel.
func (e *Error) Unwrap() error { return e.kind }

// ErrorClass returns the class for package retry.
func (e *Error) ErrorClass() string { return e.class.String() }

// meaning is what a code of the server says.
type meaning struct {
	kind  error
	class retry.Class
	hint  string
}

// meaningOf knows the codes; ERR is a kind of its own.
func meaningOf(code string) (meaning, bool) {
	switch code {
	case "OOM":
		return meaning{ErrOutOfMemory, retry.Transient, "raise maxmemory or let the queue drain"}, true
	case "READONLY":
		return meaning{ErrReadOnly, retry.Transient, "a failover is under way, or the address is that of a replica"}, true
	case "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS", "MISCONF", "NOTBUSY", "UNKILLABLE":
		return meaning{ErrUnavailable, retry.Transient, "it may pass"}, true
	case "NOAUTH", "WRONGPASS", "NOPERM", "DENIED":
		return meaning{ErrAuth, retry.Permanent, "check user, password and ACL"}, true
	case "WRONGTYPE":
		return meaning{ErrWrongType, retry.Permanent, "something else uses this key space: choose another name or database"}, true
	case "MOVED", "ASK", "CROSSSLOT":
		return meaning{ErrTopology, retry.Permanent, "connect to it as a cluster"}, true
	}
	return meaning{}, false
}

// texts are the answers of code ERR that have a meaning of their own.
var texts = [...]struct {
	part string
	meaning
}{
	{"DB index is out of range", meaning{ErrNoDatabase, retry.Permanent, "choose a database that the server has"}},
	{"invalid DB index", meaning{ErrNoDatabase, retry.Permanent, "choose a database that the server has"}},
	{"SELECT is not allowed in cluster mode", meaning{ErrNoDatabase, retry.Permanent, "a cluster has database 0 only"}},
	{"unknown command 'sentinel'", meaning{ErrTopology, retry.Permanent, hintNoSentinel}},
	{"unknown command `sentinel`", meaning{ErrTopology, retry.Permanent, hintNoSentinel}},
	{"cluster support disabled", meaning{ErrTopology, retry.Permanent, "it is no part of a cluster: write redis:// without +cluster, or one address in Addrs"}},
	{"max number of clients reached", meaning{ErrUnavailable, retry.Transient, "raise maxclients"}},
	{"invalid password", meaning{ErrAuth, retry.Permanent, "check user and password"}},
	{"without any password configured", meaning{ErrAuth, retry.Permanent, "the server has no password: give none"}},
	{"without specifying the username", meaning{ErrAuth, retry.Permanent, "check user and password"}},
}

const hintNoSentinel = "the address is that of a server, not of a sentinel: write redis:// without +sentinel, or the address of a sentinel"

// Translate returns what an error of the client library means. It returns nil
// for nil, and leaves alone what it translated before. Of a context that ended
// it says so; the error then matches the context's.
func Translate(ctx context.Context, op string, err error) error {
	var ours *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours):
		return err
	case errors.Is(err, redis.ErrClosed):
		return &Error{Op: op, Detail: "the client was closed", kind: ErrClosed, class: retry.Permanent}
	case ctx.Err() != nil:
		return fmt.Errorf("redis: %s: given up, it may have been executed: %w", op, ctx.Err())
	}
	var answer redis.Error
	if !errors.As(err, &answer) || errors.Is(err, redis.Nil) {
		return &Error{Op: op, Detail: err.Error(), kind: ErrConnection, class: retry.Transient}
	}
	code, detail := codeOf(answer.Error())
	detail = strings.TrimRight(detail, ". ")
	if m, ok := meaningOf(code); ok {
		return &Error{Op: op, Code: code, Detail: detail + ": " + m.hint, kind: m.kind, class: m.class}
	}
	for _, t := range texts {
		if strings.Contains(detail, t.part) {
			return &Error{Op: op, Code: code, Detail: detail + ": " + t.hint, kind: t.kind, class: t.class}
		}
	}
	class := retry.Transient
	if code == "ERR" || code == "NOSCRIPT" {
		class = retry.Permanent
	}
	return &Error{Op: op, Code: code, Detail: detail, kind: ErrRefused, class: class}
}

// codeOf splits an answer into its code and the rest. What a command inside a
// script answered is found behind the script's own words.
func codeOf(text string) (code, detail string) {
	code, detail, _ = strings.Cut(text, " ")
	code = strings.TrimPrefix(code, "-")
	if code != "ERR" {
		return code, detail
	}
	for word := range strings.FieldsSeq(detail) {
		word = strings.TrimSuffix(strings.TrimLeft(word, "-'\""), ":")
		if _, ok := meaningOf(word); ok && !slices.Contains([]string{"ASK", "BUSY", "DENIED"}, word) {
			return word, detail
		}
	}
	return code, detail
}
