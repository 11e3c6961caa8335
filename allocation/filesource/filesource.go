package filesource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/evenkeel/evenkeel/allocation"
)

// maxFile is the longest file that is read, in bytes.
const maxFile = 1 << 20

// Options are what a [Source] can do without.
type Options struct {
	// Rules says which allocations are accepted. Default: as [allocation.Rules].
	Rules allocation.Rules
	// Now says what time it is, for the age of an allocation. Default: time.Now.
	Now func() time.Time
}

// Source is a file of allocations. It is safe for concurrent use and keeps
// nothing, no file and no targets, between calls. It looks at the context before
// it reads; a file on a network drive that hangs can hold it up longer.
type Source struct {
	path string
	o    Options
}

var _ allocation.AllocationSource = (*Source)(nil)

// New returns the source for a file, which need not be there yet.
func New(path string, o Options) (*Source, error) {
	var errs []error
	if path == "" {
		errs = append(errs, errors.New("filesource: no path: name the file with the allocations"))
	}
	errs = append(errs, o.Rules.Validate())
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Source{path: path, o: o}, nil
}

// Allocation reads the file and returns the strategy's targets.
func (s *Source) Allocation(ctx context.Context, query allocation.Query) (allocation.Allocation, error) {
	if err := ctx.Err(); err != nil {
		return allocation.Allocation{}, fmt.Errorf("allocation: strategy %s: %w", query.Strategy, err)
	}
	a, err := s.read(query.Strategy)
	if err == nil {
		err = s.o.Rules.Check(a, s.o.Now())
	}
	if err != nil {
		return allocation.Allocation{}, s.failure(query, err)
	}
	return a, nil
}

// read reads the file and decodes a strategy.
func (s *Source) read(strategy string) (allocation.Allocation, error) {
	data, err := readFile(s.path)
	if err != nil {
		return allocation.Allocation{}, err
	}
	return decode(data, strategy)
}

// failure names the file, the account and the strategy in an error.
func (s *Source) failure(query allocation.Query, err error) error {
	out := &allocation.Error{Account: query.Account, Strategy: query.Strategy, Err: err}
	var e *allocation.Error
	if errors.As(err, &e) {
		out.Kind, out.Err = e.Kind, e.Err
	}
	out.Err = fmt.Errorf("file %s: %w", s.path, out.Err)
	return out
}

// readFile returns the whole of a regular file that did not change meanwhile.
func readFile(path string) ([]byte, error) {
	before, err := os.Stat(path)
	if err != nil {
		return nil, fileFailure(err)
	}
	if !before.Mode().IsRegular() { // the opening of a pipe would block
		return nil, permanent(errors.New("it is not a regular file"))
	}
	if before.Size() > maxFile {
		return nil, tooLong(before.Size())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fileFailure(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fileFailure(err)
	}
	if len(data) > maxFile {
		return nil, tooLong(int64(len(data)))
	}
	after, err := os.Stat(path)
	if err != nil {
		return nil, fileFailure(err)
	}
	if changed(before, after, len(data)) {
		return nil, errors.New("it was changed while it was read")
	}
	return data, nil
}

// changed reports whether a file of which n bytes were read is not the one, or
// not the same, as before.
func changed(before, after fs.FileInfo, n int) bool {
	return !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) ||
		before.Size() != after.Size() || int64(n) != after.Size()
}

// fileFailure says what an error of the file system means.
func fileFailure(err error) error {
	hint := "reading fails"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint = "it does not exist (yet)"
	case errors.Is(err, fs.ErrPermission):
		hint = "this process may not read it: check its permissions"
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err // the path is named already
	}
	return fmt.Errorf("%s: %w", hint, err)
}

// tooLong returns the error for a file that is too long.
func tooLong(size int64) error {
	return permanent(fmt.Errorf("%w: it has %d bytes or more, at most %d are allowed", allocation.ErrInvalid, size, maxFile))
}

// permanent marks an error that will be the same next time.
func permanent(err error) error {
	return &allocation.Error{Kind: allocation.KindPermanent, Err: err}
}
