package marketdata

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/evenkeel/evenkeel/broker"
)

// The file is plain comma-separated text, without quotes:
//
//	Date,MTUM,QUAL
//	2014-01-02,52.704,48.351
//	2014-01-03,52.792,
//
// Column 1 is the day, every other column an instrument. An empty field is no
// price on that day.

const (
	// maxLine is the longest line, in bytes: some 20,000 symbols.
	maxLine = 256 << 10
	// defaultMaxBytes is the largest file by default.
	defaultMaxBytes = 64 << 20
	// utf8BOM is what some programs write before the header.
	utf8BOM = "\xef\xbb\xbf"
)

// HistoryOptions bound what [ReadHistory] accepts.
type HistoryOptions struct {
	// MaxBytes is the largest input, > 0. Default: 64 MiB.
	MaxBytes int64
}

// ReadHistory reads a table of closing prices in CSV form: the header
// Date,SYM1,SYM2,… and one row a trading day, in ascending order, with dates in
// the form 2006-01-02 and prices > 0 as [broker.ParseDecimal] reads them. An
// empty field is no price on that day. A byte order mark and CRLF line ends are
// tolerated; anything else is an error that names line, column and value.
// Options may be nil.
func ReadHistory(r io.Reader, opts *HistoryOptions) (*History, error) {
	limit := int64(defaultMaxBytes)
	if opts != nil {
		limit = cmp.Or(opts.MaxBytes, limit)
	}
	if limit < 0 {
		return nil, fmt.Errorf("marketdata: history: MaxBytes is %d, want more than 0", limit)
	}
	d := &historyReader{in: bufio.NewReaderSize(r, maxLine), limit: limit}
	if err := d.read(); err != nil {
		return nil, fmt.Errorf("marketdata: history: line %d: %w", d.line, err)
	}
	d.h.compact()
	return &d.h, nil
}

// historyReader reads one file.
type historyReader struct {
	in    *bufio.Reader
	limit int64
	size  int64 // bytes read so far
	line  int   // number of the current line, from 1
	h     History
}

// read reads the whole file.
func (d *historyReader) read() error {
	header, err := d.next()
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty: want a header such as Date,AAPL,MSFT")
	}
	if err != nil {
		return err
	}
	if err := d.header(header); err != nil {
		return err
	}
	for {
		row, err := d.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := d.row(row); err != nil {
			return err
		}
	}
	if len(d.h.days) == 0 {
		return errors.New("no trading day follows the header")
	}
	return nil
}

// next returns the next line without its end, valid until the call after. At
// the end of the file it returns io.EOF alone.
func (d *historyReader) next() ([]byte, error) {
	line, err := d.in.ReadSlice('\n')
	if len(line) == 0 && errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	d.line++
	d.size += int64(len(line))
	switch {
	case d.size > d.limit:
		return nil, fmt.Errorf("more than %d bytes: raise MaxBytes if the file is right", d.limit)
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, fmt.Errorf("the line is longer than %d bytes", maxLine)
	case err != nil && !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("read: %w", err)
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// header reads the names of the columns.
func (d *historyReader) header(line []byte) error {
	fields := bytes.Split(bytes.TrimPrefix(line, []byte(utf8BOM)), []byte(","))
	if first := fields[0]; string(first) != "Date" {
		return fmt.Errorf("column 1 is %.40q, want Date, without quotes", first)
	}
	if len(fields) == 1 {
		return errors.New("no symbol follows the column Date, or they are not separated by commas")
	}
	d.h.column = make(map[broker.InstrumentID]int, len(fields)-1)
	for i, f := range fields[1:] {
		id, err := broker.ParseInstrumentID(string(f))
		if err != nil {
			return fmt.Errorf("column %d: %w", i+2, err)
		}
		if before, ok := d.h.column[id]; ok {
			return fmt.Errorf("column %d: symbol %s stands in column %d already", i+2, id, before+2)
		}
		d.h.column[id] = i
		d.h.symbols = append(d.h.symbols, id)
	}
	return nil
}

// row reads the prices of one day.
func (d *historyReader) row(line []byte) error {
	if len(line) == 0 {
		return errors.New("the line is empty")
	}
	if got, want := bytes.Count(line, []byte(","))+1, len(d.h.symbols)+1; got != want {
		return fmt.Errorf("%d columns, want %d as in the header", got, want)
	}
	date, rest, _ := bytes.Cut(line, []byte(","))
	day, err := ParseDay(string(date))
	if err != nil {
		return fmt.Errorf("column 1: %w", err)
	}
	if n := len(d.h.days); n > 0 && day <= d.h.days[n-1] {
		return fmt.Errorf("column 1: %s does not come after %s: days must ascend", day, d.h.days[n-1])
	}
	d.h.days = append(d.h.days, day)
	for i, id := range d.h.symbols {
		var field []byte
		field, rest, _ = bytes.Cut(rest, []byte(","))
		if err := d.price(field); err != nil {
			return fmt.Errorf("column %d (%s): %w", i+2, id, err)
		}
	}
	return nil
}

// price reads one field of a row.
func (d *historyReader) price(field []byte) error {
	if len(field) == 0 {
		d.h.addCell(0, 0)
		return nil
	}
	if coef, exp := plainPrice(field); coef > 0 {
		d.h.addCell(coef, exp)
		return nil
	}
	p, err := broker.ParseDecimal(string(field))
	if err != nil {
		return fmt.Errorf("%w (leave the field empty for no price)", err)
	}
	if p.Sign() <= 0 {
		return fmt.Errorf("price %.60q is not more than 0 (leave the field empty for no price)", field)
	}
	d.h.addPrice(p)
	return nil
}

// plainPrice reads what nearly every price is, digits with an optional fraction
// that fit into 64 bits. For everything else it returns 0, and the text is for
// [broker.ParseDecimal] to judge.
func plainPrice(field []byte) (coef int64, exp int8) {
	if len(field) > 18 {
		return 0, 0
	}
	point := len(field) - 1 // of whole numbers: behind the last digit
	for i, c := range field {
		switch {
		case c >= '0' && c <= '9':
			coef = coef*10 + int64(c-'0')
		case c == '.' && i > 0 && i < len(field)-1 && point == len(field)-1:
			point = i
		default:
			return 0, 0
		}
	}
	return coef, int8(point - (len(field) - 1))
}
