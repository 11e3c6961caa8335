package strictjson

import (
	"encoding/json"
	"strings"
)

// AppendString appends a string as encoding/json writes it, without its cost for
// the texts that need no escape.
func AppendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if !plain[s[i]] {
			escaped, _ := json.Marshal(s) //nolint:errcheck,errchkjson // a string can always be encoded
			return append(dst, escaped...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// plain says of each byte whether it stands for itself in a JSON string.
var plain = func() (plain [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		plain[c] = !strings.ContainsRune(`"\<>&`, c)
	}
	return plain
}()
