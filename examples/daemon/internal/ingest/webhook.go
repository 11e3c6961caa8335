package ingest

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/examples/daemon/internal/config"
)

// The headers of a webhook.
const (
	HeaderTime      = "X-Evenkeel-Timestamp"
	HeaderSignature = "X-Evenkeel-Signature"
	HeaderKey       = "Idempotency-Key"
)

// maxSkew is how old a signature may be: an older one could be a replay.
const maxSkew = 5 * time.Minute

// Sign returns the signature of a body that is sent at a time: the HMAC-SHA256,
// with the secret, of the time in Unix seconds, a point, the key, a point, and
// the body.
func Sign(secret config.Secret, at time.Time, key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	fmt.Fprintf(mac, "%d.%s.", at.Unix(), key)
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// Webhook takes signed events. The Idempotency-Key is required: a sender that
// got no answer sends the same again.
func Webhook(g *Gate, secret config.Secret) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
		if err != nil {
			refuse(w, http.StatusRequestEntityTooLarge, err)
			return
		}
		key := r.Header.Get(HeaderKey)
		if err := verify(r, secret, key, body); err != nil {
			refuse(w, http.StatusUnauthorized, err)
			return
		}
		if key == "" || len(key) > 100 {
			refuse(w, http.StatusBadRequest, errors.New("the header "+HeaderKey+" is missing or has more than 100 bytes"))
			return
		}
		e, err := Decode(body)
		if err == nil && e.Key != "" {
			err = errors.New("the key belongs into the header " + HeaderKey)
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		e.Key = "webhook:" + key
		receipt, err := g.Publish(r.Context(), e)
		switch {
		case err == nil:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusAccepted)
			_ = json.NewEncoder(w).Encode(receipt) //nolint:errcheck // the sender is gone
		case Refused(err):
			refuse(w, http.StatusUnprocessableEntity, err)
		default:
			w.Header().Set("Retry-After", "10")
			refuse(w, http.StatusServiceUnavailable, err)
		}
	})
}

// verify checks the signature and its age.
func verify(r *http.Request, secret config.Secret, key string, body []byte) error {
	seconds, err := strconv.ParseInt(r.Header.Get(HeaderTime), 10, 64)
	if err != nil {
		return errors.New("the header " + HeaderTime + " is no time in Unix seconds")
	}
	at := time.Unix(seconds, 0)
	given := []byte(strings.ToLower(cmp.Or(r.Header.Get(HeaderSignature), "none")))
	if !hmac.Equal(given, []byte(Sign(secret, at, key, body))) {
		return errors.New("the signature is wrong")
	}
	if time.Since(at).Abs() > maxSkew {
		return fmt.Errorf("the signature is of %s: set the clock, or sign again", at.UTC().Format(time.RFC3339))
	}
	return nil
}

func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) //nolint:errcheck // the sender is gone
}
