package ibkr

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/scmhub/ibapi"
	"github.com/scmhub/ibapi/protobuf"
	"google.golang.org/protobuf/proto"
)

// A frame is a length of four bytes, most significant first, and a payload of
// that length. In the payload comes the message's id, as text and a zero byte
// or, from binaryIDs on, as four bytes; then the fields of the text dialect, or,
// with an id from protobufIDs on, a protobuf message.
const (
	binaryIDs   = 201 // server version
	protobufIDs = 200 // added to the id of a protobuf message

	maxInFrame    = ibapi.MAX_MSG_LEN
	maxOutFrame   = 64 << 10 // ours are below 4 KiB
	maxGreeting   = 256
	greetingStart = "API\x00"
)

// The ids of the messages that are looked at.
const (
	msgPlaceOrder  = 3
	msgCurrentTime = 49 // from the gateway
	msgStartAPI    = 71
)

// readFrame reads one frame of at most so many bytes and returns it whole, with its
// length in front.
func readFrame(r io.Reader, most int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || int64(n) > int64(most) {
		return nil, fmt.Errorf("ibkr: frame of %d bytes (%q), want 1 to %d: this is no gateway, or the stream is damaged", n, head, most)
	}
	// A big frame grows as it comes, so that a length alone costs no memory.
	var buf bytes.Buffer
	buf.Grow(4 + int(min(n, 64<<10)))
	buf.Write(head[:])
	if _, err := io.CopyN(&buf, r, int64(n)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return buf.Bytes(), nil
}

// readGreeting reads the first bytes of a client: API, a zero byte, and a frame
// with the versions that it speaks.
func readGreeting(r io.Reader) ([]byte, error) {
	start := make([]byte, len(greetingStart))
	if _, err := io.ReadFull(r, start); err != nil {
		return nil, err
	}
	if string(start) != greetingStart {
		return nil, fmt.Errorf("ibkr: the client library greets with %q", start)
	}
	frame, err := readFrame(r, maxGreeting)
	if err != nil {
		return nil, err
	}
	return append(start, frame...), nil
}

// parseWelcome reads the gateway's answer to the greeting: its version and time.
func parseWelcome(frame []byte) (version int, err error) {
	fields := strings.Split(string(frame[min(4, len(frame)):]), "\x00")
	if len(fields) < 2 {
		return 0, fmt.Errorf("ibkr: the answer to the greeting is %.40q: this is no gateway", frame)
	}
	version, err = strconv.Atoi(fields[0])
	if err != nil || version < 0 {
		return 0, fmt.Errorf("ibkr: the answer to the greeting is %.40q: this is no gateway", frame)
	}
	return version, nil
}

// frameID returns the id of a message, without what marks protobuf, and its body.
func frameID(version int, frame []byte) (id int, isProto bool, body []byte, err error) {
	if len(frame) < 5 {
		return 0, false, nil, fmt.Errorf("ibkr: frame of %d bytes has no message", len(frame))
	}
	body = frame[4:]
	if version < binaryIDs {
		text, rest, ok := bytes.Cut(body, []byte{0})
		id, err = strconv.Atoi(string(text))
		if !ok || err != nil {
			return 0, false, nil, fmt.Errorf("ibkr: message id %.20q", text)
		}
		return id, false, rest, nil
	}
	if len(body) < 4 {
		return 0, false, nil, fmt.Errorf("ibkr: message of %d bytes has no id", len(body))
	}
	n := binary.BigEndian.Uint32(body)
	if n > 1<<16 {
		return 0, false, nil, fmt.Errorf("ibkr: message id %d", n)
	}
	if n >= protobufIDs {
		return int(n - protobufIDs), true, body[4:], nil
	}
	return int(n), false, body[4:], nil
}

// checkOrderFrame makes sure that a frame carries this very order and nothing
// else: the library encodes some faults as an empty order, and a preview must
// never be a live order.
func checkOrderFrame(version int, frame []byte, id int64, ref string, preview bool) error {
	kind, isProto, body, err := frameID(version, frame)
	switch {
	case err != nil:
		return err
	case kind != msgPlaceOrder:
		return fmt.Errorf("ibkr: the library encoded message %d in place of an order", kind)
	case !isProto:
		return checkOrderText(version, body, id, ref, preview)
	}
	var m protobuf.PlaceOrderRequest
	if err := proto.Unmarshal(body, &m); err != nil {
		return fmt.Errorf("ibkr: the library encoded an order that cannot be read: %w", err)
	}
	if int64(m.GetOrderId()) != id || m.GetOrder().GetOrderRef() != ref || m.GetOrder().GetWhatIf() != preview {
		return fmt.Errorf("ibkr: the library encoded order %d %q (preview %t) in place of %d %q (preview %t)",
			m.GetOrderId(), m.GetOrder().GetOrderRef(), m.GetOrder().GetWhatIf(), id, ref, preview)
	}
	return nil
}

// The fields of an order in text, counted from zero. What an order of ours leaves
// empty has one field each.
const (
	fieldOrderID   = 0
	fieldOrderRef  = 25
	fieldWhatIf    = 83
	oneFieldLessAt = 177 // the server version from which one field before whatIf is gone
)

// checkOrderText is checkOrderFrame for the text dialect.
func checkOrderText(version int, body []byte, id int64, ref string, preview bool) error {
	fields := strings.Split(string(body), "\x00")
	whatIf, flag := fieldWhatIf, "0"
	if version < oneFieldLessAt {
		whatIf++
	}
	if preview {
		flag = "1"
	}
	switch {
	case len(fields) <= whatIf:
		return fmt.Errorf("ibkr: the library encoded an order of %d fields", len(fields))
	case fields[fieldOrderID] != strconv.FormatInt(id, 10) || fields[fieldOrderRef] != ref || fields[whatIf] != flag:
		return fmt.Errorf("ibkr: the library encoded order %.20q %.40q (preview %.20q) in place of %d %q (preview %s)",
			fields[fieldOrderID], fields[fieldOrderRef], fields[whatIf], id, ref, flag)
	}
	return nil
}

// markerFrame is a current-time message that no gateway sends. When the library
// reports it, everything that came before it was reported too.
func markerFrame(version int, mark int64) []byte {
	body := []byte("1\x00" + strconv.FormatInt(mark, 10) + "\x00")
	frame := make([]byte, 4, 40)
	if version < binaryIDs {
		frame = append(frame, strconv.Itoa(msgCurrentTime)...)
		frame = append(frame, 0)
	} else {
		frame = binary.BigEndian.AppendUint32(frame, msgCurrentTime)
	}
	frame = append(frame, body...)
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	return frame
}
