package web_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/evenkeel/evenkeel/rebalance"
)

// artefacts is where the screenshots go; CI keeps the folder.
const artefacts = "../../artefacts"

// browse starts a headless Chromium of a size. Without one the test is skipped,
// or fails if EVENKEEL_REQUIRE_CHROMIUM is 1.
func browse(t *testing.T, width, height int) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("EVENKEEL_REQUIRE_CHROMIUM") == "1" {
			t.Fatal("there is no chromium in PATH, and EVENKEEL_REQUIRE_CHROMIUM is 1")
		}
		t.Skip("there is no chromium in PATH: apt-get install chromium, to test the page in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(width, height),
		chromedp.UserDataDir(t.TempDir()))
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	tab, closeTab := chromedp.NewContext(allocated)
	t.Cleanup(closeTab)
	bounded, cancel := context.WithTimeout(tab, 60*time.Second)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(bounded, chromedp.EmulateViewport(int64(width), int64(height))))
	return bounded
}

// picture keeps a screenshot of the whole page.
func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(artefacts, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(artefacts, name+".png"), png, 0o644))
}

// enter logs in with nothing but the keyboard.
func enter(t *testing.T, r *rig, ctx context.Context) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx,
		chromedp.Navigate(r.http.URL+"/"), chromedp.WaitVisible(`input[name=operator]`),
		chromedp.KeyEvent("Ada"), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(token.Reveal()), chromedp.KeyEvent(kb.Enter),
		chromedp.WaitVisible("#accounts"),
	))
}

func TestThePageInABrowser(t *testing.T) {
	for _, size := range []struct {
		name          string
		width, height int
	}{{"desktop", 1200, 900}, {"phone", 375, 740}} {
		t.Run(size.name, func(t *testing.T) {
			r, ctx := newRig(t), browse(t, size.width, size.height)
			enter(t, r, ctx)
			wide, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`))
			require.NoError(t, err)
			alerts, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.querySelectorAll("main script, main img").length`))
			require.NoError(t, err)
			require.False(t, wide, "the page must not scroll sideways")
			require.Zero(t, alerts, "nothing from outside may become an element")
			picture(t, ctx, "overview-"+size.name)

			// What happens shows up by itself, and what is open stays open.
			require.NoError(t, chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](`document.getElementById("stop-A").open = true`)))
			_, err = r.local.Enqueue(ctx, newEvent())
			require.NoError(t, err)
			r.hub.Track(ctx, rebalance.Progress{Account: "A", Result: &rebalance.Result{Outcome: rebalance.Completed}})
			_, err = chromedp.Run(ctx, chromedp.Poll[bool](`document.getElementById("queue").innerText.includes("snapshot")`,
				chromedp.WithPollingTimeout(10*time.Second)))
			require.NoError(t, err)
			news, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.getElementById("news").innerText`))
			require.NoError(t, err)
			require.Equal(t, "A: completed", news)
			open, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.getElementById("stop-A").open`))
			require.NoError(t, err)
			require.True(t, open)
		})
	}
}

func TestABreakerIsForcedByKeyboard(t *testing.T) {
	r, ctx := newRig(t), browse(t, 375, 740)
	enter(t, r, ctx)
	require.NoError(t, chromedp.Do(ctx,
		chromedp.Focus(`#breaker-broker summary`), chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Tab),
		chromedp.KeyEvent("the gateway misbehaves"), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(".done"),
	))
	all, err := r.local.Breakers(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"open", "force-open", "Ada", "the gateway misbehaves"},
		[]string{all[0].State, string(all[0].Mode), all[0].Operator, all[0].Reason})
	require.NoError(t, chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](`document.getElementById("breaker-broker").open = true`)))
	wide, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`))
	require.NoError(t, err)
	require.False(t, wide, "the page must not scroll sideways")
	picture(t, ctx, "breakers-phone")
}

func TestADeadLetterIsAskedForAgainByKeyboard(t *testing.T) {
	r, ctx := newRig(t), browse(t, 1000, 800)
	enter(t, r, ctx)
	require.NoError(t, chromedp.Do(ctx,
		chromedp.Focus(`#dead form[action="/do/requeue"] input[name=reason]`), chromedp.KeyEvent("the cause is mended"),
		chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(".done"),
	))
	e, err := r.local.Event(ctx, r.dead)
	require.NoError(t, err)
	require.NotEmpty(t, e.Successor)
	runs, err := r.local.Runs(ctx, "A", 1)
	require.NoError(t, err)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(r.http.URL+"/runs/"+string(runs[0].ID)), chromedp.WaitVisible("table")))
	picture(t, ctx, "run")
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(r.http.URL+"/events/"+r.dead), chromedp.WaitVisible("table")))
	picture(t, ctx, "event")
}
