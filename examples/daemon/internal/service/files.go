package service

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
	"github.com/evenkeel/evenkeel/examples/daemon/internal/ops"
)

// TokenFile and endpointFile are in the data folder: the secret of the API when
// the configuration names none, and where the API of the daemon that runs is.
const (
	TokenFile    = "token"
	endpointFile = "endpoint"
)

// Token returns the secret of the API, and makes one if there is none.
func Token(c *config.Config) (config.Secret, error) {
	if c.HTTP.Token != "" {
		return c.HTTP.Token, nil
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return "", fmt.Errorf("%w: data folder %s: %w: it must be a folder that the daemon's user may write to", ops.ErrUnavailable, c.Data, err)
	}
	path := filepath.Join(c.Data, TokenFile)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.WriteString(rand.Text() + rand.Text() + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("%w: token: %w: the daemon's user must be able to write to the data folder %s", ops.ErrUnavailable, err, c.Data)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%w: token: %w: run this as the user of the daemon", ops.ErrUnavailable, err)
	}
	token := strings.TrimSpace(string(data))
	if len(token) < 16 {
		return "", fmt.Errorf("%w: token: %s is no token: remove it, and start the daemon anew", ops.ErrUnavailable, path)
	}
	return config.Secret(token), nil
}

// Endpoint is where the API of the daemon is that works on the data folder, and
// the name under which it knows itself. It is false if none said so.
func Endpoint(c *config.Config) (address, instance string, ok bool) {
	data, err := os.ReadFile(filepath.Join(c.Data, endpointFile))
	if err != nil || len(data) > 1000 {
		return "", "", false
	}
	address, instance, ok = strings.Cut(strings.TrimSpace(string(data)), " ")
	return address, instance, ok
}

// announce writes down where the API is, until the returned function is called.
func announce(c *config.Config, at net.Addr, instance string) (func(), error) {
	address := at.String()
	if tcp, ok := at.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		address = net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	path := filepath.Join(c.Data, endpointFile)
	if err := os.WriteFile(path, []byte(address+" "+instance+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("service: endpoint: %w", err)
	}
	return func() { os.Remove(path) }, nil
}
