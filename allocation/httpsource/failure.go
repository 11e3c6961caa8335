package httpsource

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/allocation"
)

const (
	maxTransient = 5 * time.Minute // a wait up to this is part of a retry
	maxRetry     = 24 * time.Hour  // nobody is believed who asks for a longer wait
)

// failure names the account and the strategy in an error, and takes the key out.
// What is not classified is transient.
func (s *Source) failure(query allocation.Query, err error) error {
	out := &allocation.Error{}
	text := err
	var e *allocation.Error
	if errors.As(err, &e) {
		*out = *e
		text = e.Err
	}
	out.Account, out.Strategy, out.Err = query.Account, query.Strategy, s.redact(text)
	return out
}

// requestFailure says what an error of the client means, without the address.
func requestFailure(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, errRedirect) {
		return permanent("", err)
	}
	return err
}

// statusFailure says what a status means.
func statusFailure(response *http.Response, now time.Time) error {
	status := response.StatusCode
	code := strconv.Itoa(status)
	name := strings.ToLower(cmp.Or(http.StatusText(status), "status "+code))
	switch {
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		e := &allocation.Error{Code: code, Until: retryAfter(response.Header.Get("Retry-After"), now), Err: errors.New(name)}
		if e.Until.After(now.Add(maxTransient)) {
			e.Kind = allocation.KindWait
		}
		return e
	case status == http.StatusNotFound:
		return permanent(code, fmt.Errorf("%w: the server does not know it: check its name and BaseURL", allocation.ErrUnknownStrategy))
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return permanent(code, fmt.Errorf("%s: check APIKey, Header and the rights of the key", name))
	case status < 300:
		return permanent(code, fmt.Errorf("%w: status %s has no allocations", allocation.ErrInvalid, name))
	}
	return permanent(code, errors.New(name))
}

// retryAfter reads the header of that name: seconds or a date. It returns zero
// for anything else, and for what lies in the past.
func retryAfter(text string, now time.Time) time.Time {
	at := now
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		at = now.Add(time.Duration(min(seconds, uint64(maxRetry/time.Second))) * time.Second)
	} else if date, err := http.ParseTime(text); err == nil {
		at = date
	}
	if !at.After(now) {
		return time.Time{}
	}
	if latest := now.Add(maxRetry); at.After(latest) {
		return latest
	}
	return at
}

// permanent marks an error that will be the same next time.
func permanent(code string, err error) error {
	return &allocation.Error{Kind: allocation.KindPermanent, Code: code, Err: err}
}

// invalid marks a body that is not an allocation.
func invalid(err error) error {
	return permanent("", fmt.Errorf("%w: %w", allocation.ErrInvalid, err))
}

// redactor returns a function that takes a key out of errors. The new error
// matches what a caller may decide on, and hides the rest.
func redactor(key string) func(error) error {
	if key == "" {
		return func(err error) error { return err }
	}
	spellings := []string{key, url.QueryEscape(key), url.PathEscape(key), strings.Trim(strconv.Quote(key), `"`)}
	return func(err error) error {
		text := err.Error()
		for _, s := range spellings {
			text = strings.ReplaceAll(text, s, "[secret]")
		}
		if text == err.Error() {
			return err
		}
		out := &redacted{text: text}
		for _, mark := range []error{
			allocation.ErrInvalid, allocation.ErrStale, allocation.ErrUnknownStrategy,
			context.Canceled, context.DeadlineExceeded,
		} {
			if errors.Is(err, mark) {
				out.marks = append(out.marks, mark)
			}
		}
		return out
	}
}

// redacted is an error without the key.
type redacted struct {
	text  string
	marks []error
}

func (r *redacted) Error() string   { return r.text }
func (r *redacted) Unwrap() []error { return r.marks }
