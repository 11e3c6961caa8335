package redisconn

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Parse returns the options for a server by its URL, hardened by [Harden]:
//
//	redis://[user:password@]host:port[/database]
//	redis+cluster://[user:password@]host:port[,host:port…]
//	redis+sentinel://[user:password@]host:port[,host:port…]/master[/database]
//
// With rediss instead of redis the connection is encrypted. User and password
// are percent-encoded. The port is 6379, of sentinels 26379, if there is none. No
// error contains any of the URL but the scheme.
func Parse(address string) (*redis.UniversalOptions, error) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return nil, errors.New(`redisconn: parse URL: it has no "://": write redis://host:port/database`)
	}
	base, kind, _ := strings.Cut(scheme, "+")
	o := &redis.UniversalOptions{}
	switch base {
	case "redis":
	case "rediss":
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	default:
		return nil, fmt.Errorf("redisconn: parse URL: scheme %.20q is neither redis nor rediss", scheme)
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		if err := credentials(o, rest[:at]); err != nil {
			return nil, err
		}
		rest = rest[at+1:]
	}
	hosts, path, _ := strings.Cut(rest, "/")
	if err := place(o, kind, path); err != nil {
		return nil, err
	}
	port := "6379"
	if kind == "sentinel" {
		port = "26379"
	}
	for host := range strings.SplitSeq(hosts, ",") {
		switch {
		case host == "":
			return nil, errors.New("redisconn: parse URL: a host is empty")
		case strings.LastIndex(host, ":") <= strings.LastIndex(host, "]"):
			host += ":" + port
		}
		o.Addrs = append(o.Addrs, host)
	}
	if kind == "" && len(o.Addrs) > 1 {
		return nil, errors.New("redisconn: parse URL: more than one host: write redis+cluster:// or redis+sentinel://")
	}
	return Harden(o), nil
}

// credentials takes user and password out of the URL.
func credentials(o *redis.UniversalOptions, text string) error {
	user, password, _ := strings.Cut(text, ":")
	var err1, err2 error
	o.Username, err1 = url.PathUnescape(user)
	o.Password, err2 = url.PathUnescape(password)
	if err1 != nil || err2 != nil {
		return errors.New("redisconn: parse URL: user or password is not percent-encoded well")
	}
	return nil
}

// place takes the kind of server, the master's name and the database.
func place(o *redis.UniversalOptions, kind, path string) error {
	switch kind {
	case "":
	case "cluster":
		o.IsClusterMode = true
		if strings.Trim(path, "/") != "" {
			return errors.New("redisconn: parse URL: a cluster has no databases: leave the path away")
		}
		return nil
	case "sentinel":
		o.MasterName, path, _ = strings.Cut(path, "/")
		if o.MasterName == "" {
			return errors.New("redisconn: parse URL: write the master's name: redis+sentinel://host:port/master")
		}
	default:
		return fmt.Errorf("redisconn: parse URL: kind %.20q is neither cluster nor sentinel", kind)
	}
	if path == "" {
		return nil
	}
	db, err := strconv.Atoi(path)
	if err != nil || db < 0 {
		return fmt.Errorf("redisconn: parse URL: database %.20q is not a number from 0", path)
	}
	o.DB = db
	return nil
}

// Harden returns a copy of the options that is fit for our scripts: no hidden
// retries, contexts that count, no handshakes that old servers refuse. Timeouts
// and limits keep their value where one is set; otherwise dialling, reading,
// writing and waiting for a connection have 2 s each, and there are at most 16
// connections to a server.
func Harden(o *redis.UniversalOptions) *redis.UniversalOptions {
	h := *o
	h.MaxRetries = -1
	h.ContextTimeoutEnabled = true
	h.DialerRetries = 1
	h.DialTimeout = cmp.Or(h.DialTimeout, 2*time.Second)
	h.ReadTimeout = cmp.Or(h.ReadTimeout, 2*time.Second)
	h.WriteTimeout = cmp.Or(h.WriteTimeout, 2*time.Second)
	h.PoolTimeout = cmp.Or(h.PoolTimeout, 2*time.Second)
	h.PoolSize = cmp.Or(h.PoolSize, 16)
	h.MaxActiveConns = cmp.Or(h.MaxActiveConns, h.PoolSize)
	h.ConnMaxIdleTime = cmp.Or(h.ConnMaxIdleTime, 5*time.Minute)
	h.PipelinePoolSize = -1
	h.Protocol = cmp.Or(h.Protocol, 2)
	h.DisableIdentity = true
	h.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	h.ReadOnly, h.RouteByLatency, h.RouteRandomly = false, false, false
	return &h
}
