import asyncio
from tests.browsing import shown
async def test_a(browser):
    look = await asyncio.to_thread(shown, browser, "<!doctype html><html lang=en><title>x</title><main><h1>Hi</h1><p style='width:1500px'>a</p></main>", width=360)
    assert look.overflow > 0 and look.violations == ()
def test_b(browser):
    look = shown(browser, "<p style='color:#ccc'>a</p>", dark=True)
    assert look.violations
async def test_c():
    await asyncio.sleep(0)
