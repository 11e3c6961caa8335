package redisjournal

import (
	_ "embed"

	"github.com/evenkeel/evenkeel/internal/redisconn"
)

//go:embed lua/common.lua
var commonLua string

//go:embed lua/open.lua
var openLua string

//go:embed lua/begin.lua
var beginLua string

//go:embed lua/checkpoint.lua
var checkpointLua string

//go:embed lua/finish.lua
var finishLua string

//go:embed lua/intend.lua
var intendLua string

//go:embed lua/settle.lua
var settleLua string

//go:embed lua/block.lua
var blockLua string

//go:embed lua/unblock.lua
var unblockLua string

//go:embed lua/kill.lua
var killLua string

//go:embed lua/approve.lua
var approveLua string

//go:embed lua/account.lua
var accountLua string

//go:embed lua/run.lua
var runLua string

//go:embed lua/list.lua
var listLua string

// script is a script of the journal.
type script struct {
	*redisconn.Script
	barred bool // it waits for the barrier
}

// scripts are all of them. They are immutable.
var scripts = struct {
	open, begin, checkpoint, finish, intend, settle, block, unblock, kill, approve, account, run, list script
}{
	open:       script{scriptOf("open", openLua), false},
	begin:      script{scriptOf("begin", beginLua), true},
	checkpoint: script{scriptOf("checkpoint", checkpointLua), false},
	finish:     script{scriptOf("finish", finishLua), false},
	intend:     script{scriptOf("intend", intendLua), true},
	settle:     script{scriptOf("settle", settleLua), false},
	block:      script{scriptOf("block", blockLua), false},
	unblock:    script{scriptOf("unblock", unblockLua), false},
	kill:       script{scriptOf("kill", killLua), false},
	approve:    script{scriptOf("approve", approveLua), false},
	account:    script{scriptOf("account", accountLua), false},
	run:        script{scriptOf("run", runLua), false},
	list:       script{scriptOf("list", listLua), false},
}

// scriptOf returns a script with what all share.
func scriptOf(name, source string) *redisconn.Script {
	return redisconn.NewScript("journal "+name, commonLua, source)
}
