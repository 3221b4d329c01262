import { build, buildNeeded } from './build.mjs';
import { checkMachine } from './checkout.mjs';
import { install, installNeeded } from './install.mjs';
import { withSetupLock } from './lock.mjs';

/**
 * Packages and build as the sources want them; a moment where they are so already.
 * @throws SetupError
 */
export async function setUp(progress) {
  checkMachine();
  if (!installNeeded() && !buildNeeded()) return;
  const onWait = (pid) =>
    progress.line(`Waiting for process ${pid}, which installs or builds here`);
  await withSetupLock(onWait, async () => {
    if (installNeeded()) await progress.step('Installing packages', install, 'Packages installed');
    if (buildNeeded()) await progress.step('Building', build, 'Built');
  });
}
