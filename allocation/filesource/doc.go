// Package filesource reads allocations from a JSON file.
//
// The file holds all strategies:
//
//	{
//	  "schema": 1,
//	  "strategies": {
//	    "core": {
//	      "version": "2026-03",
//	      "as_of": "2026-03-02T14:00:00Z",
//	      "targets": {"AAPL": "0.6", "MSFT": "0.4"}
//	    }
//	  }
//	}
//
// schema and targets are required. Without version, the version is
// [allocation.Hash] of the targets; without as_of, they have no time. Weights
// are strings or JSON numbers; both are read exactly, as decimals. Targets come
// out in the order of their symbols. Unknown fields, keys that are there twice
// (also in another case), and data behind the object are errors.
//
// # Changes
//
// The file is read at each call, so that a change is seen at once, however soon
// it follows the one before, and nothing old is ever given instead of an error.
// Replace the file as a whole: write another one beside it and rename it. A file
// that is changed while it is read is reported as that, and one that ends in the
// middle as no JSON; but nothing can tell a file that is being written in place
// from a finished one if what is there so far happens to be valid.
//
// # Errors
//
// A file that is missing, that may not be read, that changes meanwhile, or whose
// reading fails, is a transient error. So is one that is no JSON, since it may be
// half written; this one matches [allocation.ErrInvalid]. Everything else that is
// wrong in it is permanent. A strategy whose targets are wrong does not affect
// others; a key that is there twice makes the whole file wrong.
package filesource
