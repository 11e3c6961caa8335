package gatewaysim

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The wire: after the greeting, each message is a frame of four bytes of length,
// big-endian, and that many bytes of payload.

// maxFrame is the longest payload that a client may send.
const maxFrame = 1 << 20

// readFrame reads one frame and returns its payload, a fresh slice.
func readFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > maxFrame {
		return nil, fmt.Errorf("gatewaysim: frame of %d bytes: want 1 to %d", n, maxFrame)
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, fmt.Errorf("gatewaysim: frame of %d bytes cut short: %w", n, err)
	}
	return payload, nil
}

// appendFrame appends a frame with the payload to dst.
func appendFrame(dst, payload []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(payload)))
	return append(dst, payload...)
}
