<?php

// A queue of files: who renames one owns it.

function queue_put(array $order): string
{
    $id = bin2hex(random_bytes(8));
    $new = getenv('QUEUE_DIR') . "/.$id";
    file_put_contents($new, json_encode(['id' => $id, 'state' => 'waiting', 'order' => $order]));
    rename($new, getenv('QUEUE_DIR') . "/$id.json");
    return $id;
}

function queue_take(): ?string
{
    foreach (glob(getenv('QUEUE_DIR') . '/*.json') as $file) {
        $own = $file . '.' . getmypid();
        if (@rename($file, $own)) {
            return $own;
        }
    }
    return null;
}

function queue_done(string $own, string $worker): void
{
    $order = json_decode(file_get_contents($own), true);
    $order['state'] = 'done';
    $order['worker'] = $worker;
    file_put_contents(getenv('DONE_DIR') . '/' . $order['id'] . '.json', json_encode($order));
    unlink($own);
}

function queue_find(string $id): ?array
{
    foreach (['DONE_DIR', 'QUEUE_DIR'] as $folder) {
        $text = @file_get_contents(getenv($folder) . "/$id.json");
        if ($text !== false) {
            return json_decode($text, true);
        }
    }
    return null;
}

function queue_report(): array
{
    $report = @file_get_contents(getenv('DONE_DIR') . '/.report');
    return $report === false ? ['done' => null] : json_decode($report, true);
}
