<?php

require __DIR__ . '/queue.php';

// The order at hand is finished before the worker ends.
$goes_on = true;
pcntl_async_signals(true);
pcntl_signal(SIGTERM, function () use (&$goes_on) { $goes_on = false; });

$name = 'worker-' . ($argv[1] ?? '0');
echo "$name is ready\n";
while ($goes_on) {
    $own = queue_take();
    if ($own === null) {
        usleep(100000);
        continue;
    }
    queue_done($own, $name);
    echo "$name finished an order\n";
}
echo "$name ends\n";
