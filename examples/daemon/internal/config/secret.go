package config

import (
	"fmt"
	"os"
	"strings"
)

// Secret is a text that does not print.
type Secret string

// Format prints a placeholder under every verb.
func (s Secret) Format(f fmt.State, _ rune) {
	if s != "" {
		fmt.Fprint(f, "[secret]")
	}
}

// MarshalText keeps the secret out of JSON, YAML and structured logs.
func (s Secret) MarshalText() ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	return []byte("[secret]"), nil
}

// Reveal returns the text.
func (s Secret) Reveal() string { return string(s) }

// maxSecret bounds a file that holds a secret, in bytes.
const maxSecret = 64 << 10

// secret reads the secret that key_env or key_file names. It is empty if there
// is neither.
func (s *section) secret(key string, into *Secret) {
	pull := s.pull
	if key == "url" {
		pull = s.take // an address without a password is no secret
	}
	plain := pull(key)
	env, file := s.take(key+"_env"), s.take(key+"_file")
	switch {
	case env != nil && file != nil:
		s.r.fault(file, s.at(key+"_file"), "stands beside %s_env: name one place of the secret", key)
	case env != nil:
		value, ok := s.r.environ(env.Value)
		if !ok || value == "" {
			s.r.fault(env, s.at(key+"_env"), "the environment variable %q is not set", env.Value)
		}
		*into = Secret(strings.TrimSpace(value))
	case file != nil:
		value, err := readSecret(s.r.path(file.Value))
		if err != nil {
			s.r.fault(file, s.at(key+"_file"), "%v", err)
		}
		*into = value
	}
	if plain != nil {
		if key == "url" && env == nil && file == nil && !strings.Contains(plain.Value, "@") {
			*into = Secret(plain.Value)
			return
		}
		s.r.fault(plain, s.at(key), "a secret must not stand in the configuration: use %s_env or %s_file", key, key)
	}
}

// readSecret reads a file that holds nothing but a secret.
func readSecret(path string) (Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() && info.Mode()&os.ModeNamedPipe == 0 || info.Size() > maxSecret {
		return "", fmt.Errorf("%s is no file of at most %d bytes", path, maxSecret)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	value := strings.TrimSpace(string(data))
	if value == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return Secret(value), nil
}
