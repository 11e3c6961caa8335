package redisconn

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/evenkeel/evenkeel/retry"
)

// The lowest version of Redis that will do.
const minMajor, minMinor = 6, 2

// Finding is something about a server that its user must know.
type Finding struct {
	// Name is what was looked at: version, role, cluster, eviction, persistence,
	// fsync or access.
	Name string
	// Fatal: the server must not be used.
	Fatal  bool
	Detail string
}

// Error returns "redis: check: name: detail".
func (f *Finding) Error() string { return "redis: check: " + f.Name + ": " + f.Detail }

// ErrorClass says permanent: a server does not become fit by waiting.
func (f *Finding) ErrorClass() string { return retry.Permanent.String() }

// Check looks at the server that has a key, also at what the barrier needs with
// which calls will be made; nil is none. What speaks against using it at all is
// the error, a joined list of fatal findings; the rest are warnings. What the
// server does not tell is a warning, too.
func (c *Conn) Check(ctx context.Context, key string, b *Barrier) (warnings []*Finding, err error) {
	client, err := c.Master(ctx, key)
	if err != nil {
		return nil, c.explain(err)
	}
	findings, err := c.look(ctx, client, b)
	if err != nil {
		return nil, c.explain(err)
	}
	var fatal []error
	for _, f := range findings {
		if f.Fatal {
			fatal = append(fatal, f)
		} else {
			warnings = append(warnings, f)
		}
	}
	return warnings, errors.Join(fatal...)
}

// explain adds what may be wrong with the way of the connection, if the server
// hangs up or is silent at once.
func (c *Conn) explain(err error) error {
	var e *Error
	if !errors.As(err, &e) || !errors.Is(e, ErrConnection) {
		return err
	}
	hint := ""
	switch silent := strings.Contains(e.Detail, "deadline exceeded") || strings.Contains(e.Detail, "timeout"); {
	case c.tls && (silent || strings.Contains(e.Detail, "handshake") || strings.HasSuffix(e.Detail, "EOF")):
		hint = "the connection is encrypted: if the server does not do that, write redis instead of rediss, or leave TLSConfig away"
	case strings.HasSuffix(e.Detail, "EOF") || strings.Contains(e.Detail, "reset by peer"):
		hint = "if the server wants encryption, write rediss instead of redis, or give a TLSConfig"
	default:
		return err
	}
	explained := *e
	explained.Detail += ": " + hint
	return &explained
}

func (c *Conn) look(ctx context.Context, client redis.Cmdable, b *Barrier) ([]*Finding, error) {
	text, err := client.Info(ctx).Result()
	if isRefusal(ctx, err) {
		return []*Finding{{Name: "access", Detail: "INFO is forbidden: version, role, eviction and persistence are not checked, " +
			"and a failover is not noticed: allow INFO in the ACL"}}, nil
	}
	if err != nil {
		return nil, Translate(ctx, "info", err)
	}
	info := fields(text)
	found := []*Finding{version(info), role(info), c.cluster(info), eviction(info), fsync(info, b)}
	durable, err := persistence(ctx, client, info)
	if err != nil {
		return nil, err
	}
	var all []*Finding
	for _, f := range append(found, durable) {
		if f != nil {
			all = append(all, f)
		}
	}
	return all, nil
}

func version(info map[string]string) *Finding {
	text := info["redis_version"]
	major, minor, err := parseVersion(text)
	switch {
	case err != nil:
		return &Finding{Name: "version", Detail: fmt.Sprintf("%.40q is no version: want %d.%d or newer", text, minMajor, minMinor)}
	case older(major, minor, minMajor, minMinor):
		return &Finding{Name: "version", Fatal: true, Detail: fmt.Sprintf("%.40s is too old: want %d.%d or newer", text, minMajor, minMinor)}
	}
	return nil
}

// parseVersion reads the first two numbers of a version.
func parseVersion(text string) (major, minor int, err error) {
	parts := strings.SplitN(text, ".", 3)
	if len(parts) < 2 {
		return 0, 0, errors.New("no point in it")
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, errors.Join(err1, err2)
}

// older compares versions.
func older(major, minor, thanMajor, thanMinor int) bool {
	return major < thanMajor || (major == thanMajor && minor < thanMinor)
}

func role(info map[string]string) *Finding {
	if info["redis_mode"] == "sentinel" {
		return &Finding{Name: "role", Fatal: true, Detail: "it is a sentinel and keeps no data: write redis+sentinel:// with the name of its master"}
	}
	if is := info["role"]; is == "slave" {
		return &Finding{Name: "role", Fatal: true, Detail: "it is a replica and takes no writes: use the address of the master, or its sentinels"}
	}
	return nil
}

func (c *Conn) cluster(info map[string]string) *Finding {
	if _, ok := c.client.(*redis.ClusterClient); !ok && info["cluster_enabled"] == "1" {
		return &Finding{Name: "cluster", Fatal: true, Detail: "it is part of a cluster: write redis+cluster://, or Addrs with more than one address"}
	}
	return nil
}

func eviction(info map[string]string) *Finding {
	policy := info["maxmemory_policy"]
	if policy == "noeviction" {
		return nil
	}
	f := &Finding{Name: "eviction", Detail: fmt.Sprintf("maxmemory-policy is %.40q: a full server would throw data away: set it to noeviction", policy)}
	f.Fatal = strings.HasPrefix(policy, "allkeys-") && info["maxmemory"] != "0"
	return f
}

// fsync wants a server that can wait for its disk, where a barrier asks for that.
// What the server does not tell is not held against it.
func fsync(info map[string]string, b *Barrier) *Finding {
	if b == nil || !b.Fsync {
		return nil
	}
	var faults []string
	text := info["redis_version"]
	if major, minor, err := parseVersion(text); err == nil && older(major, minor, 7, 2) {
		faults = append(faults, fmt.Sprintf("the server is redis %.40s: update it", text))
	}
	if info["aof_enabled"] == "0" {
		faults = append(faults, "the server has no append-only file: set appendonly yes")
	}
	if len(faults) == 0 {
		return nil
	}
	return &Finding{Name: "fsync", Fatal: true, Detail: "redis 7.2 with an append-only file is needed for Fsync: " + strings.Join(faults, ", and ")}
}

// persistence wants an append-only file or snapshots.
func persistence(ctx context.Context, client redis.Cmdable, info map[string]string) (*Finding, error) {
	if info["aof_enabled"] == "1" {
		return nil, nil
	}
	config, err := client.ConfigGet(ctx, "save").Result()
	switch {
	case isRefusal(ctx, err):
		return &Finding{Name: "persistence", Detail: "there is no append-only file, and CONFIG is forbidden: whether there are snapshots is not known"}, nil
	case err != nil:
		return nil, Translate(ctx, "config get", err)
	case config["save"] == "":
		return &Finding{Name: "persistence", Detail: "there are neither an append-only file nor snapshots: a restart loses everything: set appendonly yes"}, nil
	}
	return &Finding{Name: "persistence", Detail: "there are snapshots only: a crash loses what was written since the last one: set appendonly yes"}, nil
}
